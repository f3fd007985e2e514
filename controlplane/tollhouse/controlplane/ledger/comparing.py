"""A provider's day and model beside the ledger's: what differs, and for which cause. Pure.

The sum of a bucket's differences is what the provider charged less what the ledger holds, to the nano-dollar:

- ``missing_here``   the provider has requests the ledger does not: they did not come through the gateway
- ``missing_there``  the ledger has requests the provider does not know (or its report leaves out)
- ``estimate``       other tokens, in a bucket where the ledger had to estimate some attempts
- ``tokens``         other tokens, though the ledger has the provider's own counts
- ``price``          the same tokens cost something else
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tollhouse.controlplane.ledger.reports import KINDS
from tollhouse.proto.catalog import Rates

CAUSES = ("missing_here", "missing_there", "estimate", "tokens", "price")
ROUNDING_NANO = 1000
"""A millionth of a dollar: what rounding in a report may make."""

_MILLION = 1_000_000


@dataclass
class Side:
    """One side of a bucket. None: not told."""

    cost_nano: int | None = None
    tokens: dict[str, int] | None = None
    requests: int | None = None
    estimated_nano: int = 0
    estimated: int = 0
    """Attempts that are estimates (of the ledger's side)."""
    told: int = 0
    """Attempts whose tokens the provider told."""
    told_nano: int = 0
    """What those were charged."""
    told_tokens: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """There less here."""

    cause: str
    nano: int
    tokens: Mapping[str, int] = field(default_factory=dict)
    requests: int = 0
    note: str = ""


def compare(here: Side | None, there: Side | None, rates: Rates | None) -> list[Difference]:
    """The differences of one bucket; none where both agree but for rounding."""
    if there is None:
        assert here is not None
        return _whole("missing_there", here, -1)
    if here is None:
        nano = there.cost_nano if there.cost_nano is not None else value_of(there.tokens or {}, rates)
        return _whole("missing_here", Side(nano, there.tokens, there.requests), 1)
    had, told = here.cost_nano or 0, there.cost_nano
    if there.tokens is None:
        return _without_tokens(here, had, told or 0)
    delta = {kind: there.tokens[kind] - (here.tokens or {}).get(kind, 0) for kind in KINDS}
    by_tokens = value_of(delta, rates) if any(delta.values()) else 0
    found: list[Difference] = []
    part, count = _missing(here, there, by_tokens, rates)
    moved = dict.fromkeys(KINDS, 0)
    if count:
        moved = {kind: amount * part // by_tokens if by_tokens else 0 for kind, amount in delta.items()}
        found.append(Difference("missing_here" if count > 0 else "missing_there", part, moved, count))
    rest = {kind: delta[kind] - moved[kind] for kind in KINDS}
    if any(rest.values()):
        cause = "estimate" if here.estimated else "tokens"
        note = f"{here.estimated} attempts are estimates" if here.estimated else ""
        found.append(Difference(cause, by_tokens - part, rest, 0, note))
    by_price = 0 if told is None else told - had - by_tokens
    if abs(by_price) > ROUNDING_NANO:
        found.append(Difference("price", by_price))
    elif by_price and found:
        last = found[-1]
        found[-1] = Difference(last.cause, last.nano + by_price, last.tokens, last.requests, last.note)
    return found


def _whole(cause: str, side: Side, sign: int) -> list[Difference]:
    nano = sign * (side.cost_nano or 0)
    tokens = {kind: sign * amount for kind, amount in (side.tokens or {}).items()}
    if not nano and not any(tokens.values()):
        return []
    return [Difference(cause, nano, tokens, sign * (side.requests or 0))]


def _without_tokens(here: Side, had: int, told: int) -> list[Difference]:
    if abs(told - had) <= ROUNDING_NANO:
        return []
    note = "the report has no tokens: give the one of usage too, to tell causes apart"
    return [Difference("estimate" if here.estimated else "price", told - had, {}, 0, note)]


def _missing(here: Side, there: Side, by_tokens: int, rates: Rates | None) -> tuple[int, int]:
    """The part of the difference that requests make which only one side has, and how many they are."""
    if there.requests is None or here.requests is None or there.requests == here.requests:
        return 0, 0
    count = there.requests - here.requests
    if count > 0:
        average = value_of(there.tokens or {}, rates) // max(1, there.requests)
        return max(0, min(by_tokens, average * count)), count
    average = value_of(here.tokens or {}, rates) // max(1, here.requests)
    return min(0, max(by_tokens, average * count)), count


def value_of(tokens: Mapping[str, int], rates: Rates | None) -> int:
    """What tokens cost at these rates."""
    if rates is None:
        return 0
    special = [tokens.get(kind, 0) for kind in ("cached_tokens", "cache_write_tokens", "cache_write_1h_tokens")]
    total = (
        (tokens.get("input_tokens", 0) - sum(special)) * rates.input
        + special[0] * rates.cached
        + special[1] * rates.cache_write
        + special[2] * rates.cache_write_1h
        + tokens.get("output_tokens", 0) * rates.output
    )
    return (total + _MILLION // 2) // _MILLION
