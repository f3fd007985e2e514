"""Answers a provider keeps (finished batches, stored responses) are read as often as one likes, and charged once.

They name their model themselves. In this process the first reading is charged to budgets; in the ledger, which sees all
nodes, the first of all.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
from tollhouse.dataplane.chat import Special, Usage
from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.dispatch.money.entry import prices_version
from tollhouse.dataplane.dispatch.setup.catalog import known_target
from tollhouse.dataplane.engine.pricing import cost
from tollhouse.proto.units import NanoUSD

_MOST = 20_000


class KeptAnswers:
    """What has been charged already; one per worker."""

    def __init__(self) -> None:
        self._read: dict[str, None] = {}

    def first(self, account: str, answer: str) -> bool:
        """Whether nobody has read it yet."""
        key = f"{account}/{answer}"
        if key in self._read:
            return False
        if len(self._read) >= _MOST:
            del self._read[next(iter(self._read))]
        self._read[key] = None
        return True


def priced_by_itself(usage: Usage, special: Special, target: Target) -> tuple[Usage, NanoUSD, bool]:
    """Usage that names its prices, what it cost, and whether that is known."""
    of_model = known_target(target.name, target.endpoint, special.model)
    price = replace(of_model.price, request=0) if of_model.price is not None else None
    told = Usage(*[getattr(usage, name) for name in Usage.__struct_fields__])
    told.special = msgspec.structs.replace(special, price_source=prices_version(price))
    return told, cost(usage, price) if price is not None else NanoUSD(0), price is not None and price.known
