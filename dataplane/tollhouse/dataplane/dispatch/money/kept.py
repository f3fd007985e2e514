"""What a provider keeps for its account (files, batches, stored responses): read as often as one likes, charged once.

Such answers name their model themselves, so what they come to on budgets is known when they are read. The node charges
the first reading of all its workers, of all nodes where they count together; the ledger charges the first of all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from tollhouse.dataplane.chat import Special, Usage
from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.dispatch.money.entry import prices_version
from tollhouse.dataplane.dispatch.money.purse import STATE, Purse
from tollhouse.dataplane.dispatch.money.refusals import Refused, unbounded_batch
from tollhouse.dataplane.dispatch.setup.catalog import known_target
from tollhouse.dataplane.engine.pricing import cost
from tollhouse.dataplane.protocol import Stored
from tollhouse.dataplane.spending import Claim, Outcome
from tollhouse.proto.catalog import PriceTable
from tollhouse.proto.units import NanoUSD

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_MOST = 20_000
_DATE = re.compile(r"[-@](\d{8}|\d{4}-\d{2}-\d{2})$")


class Told(NamedTuple):
    """What a record says of a kept answer, and what that comes to on budgets, should nobody have read it before."""

    usage: Usage
    nano: NanoUSD
    claims: tuple[Claim, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


class KeptAnswers:
    """What this worker has shown in its metrics already."""

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


def about_kept(ex: Exchange) -> Stored:
    """What of the things a provider keeps a request is about; empty for requests to models."""
    protocol = ex.protocol
    return protocol.stored(ex.method, ex.path) if protocol is not None and protocol.opaque else ""


def refuse_unbounded_batch(ex: Exchange, target: Target, purse: Purse) -> None:
    """What a batch will cost is in a file only the provider has: no budget can promise anything once it is made.
    Raises Refused."""
    free = target.price is not None and target.price.is_free
    facts = purse.facts(ex, target, ())
    for budget in purse.budgets:
        resource = budget.resource
        if not budget.enforced or resource.unit == "requests" or resource.allow_batches:
            continue
        if (free and resource.exempt_free) or not budget.whatever_model(facts):
            continue
        raise Refused(unbounded_batch(budget))


def told_of(ex: Exchange, target: Target, usage: Usage, special: Special, now: float) -> tuple[Told, bool]:
    """What is to be said of a kept answer, and whether its price is known."""
    price = _price(target, special.model)
    told = Usage(*[getattr(usage, name) for name in Usage.__struct_fields__])
    told.special = msgspec.structs.replace(special, price_source=prices_version(price), parts=())
    nano, known = NanoUSD(0), True
    for model, used in special.parts or ((special.model, usage),):
        own = price if model == special.model else _price(target, model)
        nano = NanoUSD(nano + (cost(used, own) if own is not None else 0))
        known = known and own is not None and own.known
    purse: Purse | None = ex.state.get(STATE)
    if special.kept != "read" or purse is None:
        return Told(told, nano), known
    charged = list(_charges(ex, target, purse, price, told, nano, now))
    return Told(told, nano, tuple([one for one, _ in charged]), tuple([one for _, one in charged])), known


def _price(target: Target, model: str) -> PriceTable | None:
    """Of a model at the provider that was asked; nothing is charged per request any more."""
    price = known_target(target.name, target.endpoint, model).price
    return replace(price, request=0) if price is not None and price.request else price


def _charges(
    ex: Exchange, target: Target, purse: Purse, price: PriceTable | None, usage: Usage, nano: NanoUSD, now: float
) -> Iterator[tuple[Claim, Outcome]]:
    """What it came to on the budgets of whoever reads it. Nothing is refused any more."""
    assert usage.special is not None
    facts = purse.facts(ex, target, _names(ex, target, usage.special.model))
    for budget in purse.budgets:
        resource = budget.resource
        if resource.unit == "requests" or (resource.exempt_free and price is not None and price.is_free):
            continue
        units = budget.spent(usage, nano)
        if not units:
            continue
        span = budget.span(now)
        expires = span.expires or budget.expires(span, now)
        for key in budget.fixed if budget.fixed is not None else budget.keys(facts):
            yield Claim(key, 0, budget.units, span.bucket, span.since, expires, False), Outcome(units)


def _names(ex: Exchange, target: Target, model: str) -> tuple[str, ...]:
    """Of a model, as budgets may name it: without the date first, which providers add to what was asked for."""
    plain = _DATE.sub("", model)
    public = [
        name
        for name, one in ex.snapshot.models.models.items()
        if any(rival.endpoint.name == target.endpoint.name and rival.model in (model, plain) for rival in one.targets)
    ]
    return (plain, model, *public)
