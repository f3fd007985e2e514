"""Which budgets an attempt falls under, what it may cost at worst, and under which keys it is counted. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.engine.pricing import rates
from tollhouse.dataplane.engine.windows import Span, span_at
from tollhouse.proto.catalog import PriceTable
from tollhouse.proto.resources.budget import EACH, Budget

_MILLION = 1_000_000
SESSION_KEPT_S = 30 * 86400
"""How long the total of a session is remembered that is not used any more; there are ever new ones."""
_MOST_SEEN = 10_000
_LONGEST_VALUE = 128
"""Longer values of a dimension are hashed: clients may write them."""


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What budgets may ask of an attempt."""

    consumer: str
    """The consumer's name; empty for unknown callers."""
    caller: str
    """The consumer, else what stands for an unknown one (a fingerprint of its key, its address)."""
    groups: tuple[str, ...]
    """The consumer's group and all above it, nearest first."""
    models: tuple[str, ...]
    """The provider's own name first, then the one that was asked for."""
    providers: tuple[str, ...]
    """Id, then type."""
    route: str
    session: str
    tags: dict[str, str] = {}


class Worst(msgspec.Struct, frozen=True, gc=False):
    """The most an attempt can use: tokens that are certain not to be passed, and what they cost."""

    input_tokens: int
    output_tokens: int
    price: PriceTable | None
    media: bool = False
    """The input may hold audio or images, which may have dearer rates."""
    units_nano: int = 0
    """What is charged by the second, character or picture."""

    def cost_nano(self) -> int:
        """Nothing cached, everything written to the cache at the dearest rate."""
        if self.price is None:
            return 0
        rate = rates(self.price, self.input_tokens)
        dearest = rate.dearest_media if self.media else rate.dearest_input
        total = self.input_tokens * dearest + self.output_tokens * rate.dearest_output + self.price.request * _MILLION
        return (total + _MILLION - 1) // _MILLION + self.units_nano


class CompiledBudget:
    """A budget ready to be asked. Shared by exchanges; remembers the current window."""

    __slots__ = (
        "_dimensions",
        "_keys",
        "_now",
        "_seen",
        "enforced",
        "fixed",
        "id",
        "once",
        "resource",
        "thresholds",
        "units",
        "zone",
    )

    def __init__(self, budget_id: str, resource: Budget) -> None:
        self.id = budget_id
        self.resource = resource
        self.units = resource.units
        self.zone = ZoneInfo(resource.timezone)
        self.thresholds = tuple(sorted(set(resource.thresholds)))
        scope = resource.scope
        names = ("consumer", "consumer_group", "model", "provider", "route", "session", "tag")
        self._dimensions = tuple((name, value) for name in names if (value := getattr(scope, name)) is not None)
        self._keys = [budget_id]
        """Where no dimension is ``each``."""
        settled = [name for name, value in self._dimensions if (name, value) == self.anchor()]
        self.fixed = self._keys if len(settled) == len(self._dimensions) else None
        """Its keys, where they are the same for all whom the index finds it for. Not to be changed."""
        self.enforced = not resource.shadow and resource.on_exceed != "alert"
        """Whether it ever refuses anything."""
        self.once = resource.unit == "requests"
        """A request counts once, however many attempts it takes."""
        self._now: tuple[float, float, Span] | None = None
        self._seen: set[tuple[str, int, int]] = set()

    def anchor(self) -> tuple[str, str] | None:
        """A consumer or group without which it never applies: what the index finds it by."""
        for name, value in self._dimensions:
            if name in ("consumer", "consumer_group") and value != EACH:
                return name, value
        return None

    def span(self, now: float) -> Span:
        """The window of this moment."""
        kept = self._now
        if kept is not None and kept[0] <= now < kept[1]:
            return kept[2]
        resource = self.resource
        span = span_at(resource.window, now, self.zone, rolling=resource.rolling)
        self._now = (now, float(span.ends) if span.ends else float("inf"), span)
        return span

    def first_to_see(self, key: str, bucket: int, percent: int) -> bool:
        """Whether nobody here has seen this threshold reached in this window yet."""
        name = (key, bucket, percent)
        if name in self._seen:
            return False
        if len(self._seen) >= _MOST_SEEN:
            self._seen.clear()
        self._seen.add(name)
        return True

    def expires(self, span: Span, now: float) -> int:
        """When a bucket no longer matters; 0 never."""
        if span.expires or self.resource.scope.session != EACH:
            return span.expires
        return int(now) + SESSION_KEPT_S

    def keys(self, facts: Facts) -> list[str]:
        """What an attempt is counted under: nothing when the budget does not apply, several keys where it falls
        under several values of one dimension (a team and its organisation). Not to be changed."""
        keys = self._keys
        for name, wanted in self._dimensions:
            values = [bounded(value) for value in _values(name, wanted, facts) if value]
            if not values:
                return []
            if wanted == EACH or wanted.endswith(f"={EACH}"):
                keys = [f"{key}|{name}={value}" for key in keys for value in values]
        return keys

    def whatever_model(self, facts: Facts) -> bool:
        """Whether it applies to some model at least."""
        return all(name == "model" or any(_values(name, wanted, facts)) for name, wanted in self._dimensions)

    def reserve(self, worst: Worst) -> int:
        """Units to hold before an attempt."""
        unit = self.resource.unit
        if unit == "requests":
            return 1
        if unit == "usd":
            return worst.cost_nano()
        count = self.resource.count
        return (worst.input_tokens if count != "output" else 0) + (worst.output_tokens if count != "input" else 0)

    def spent(self, usage: Usage | None, cost_nano: int) -> int:
        """Units an attempt came to."""
        unit = self.resource.unit
        if unit == "requests":
            return 1
        if unit == "usd":
            return cost_nano
        if usage is None:
            return 0
        count = self.resource.count
        return (usage.input_tokens if count != "output" else 0) + (usage.output_tokens if count != "input" else 0)

    def output_that_fits(self, worst: Worst, left: int) -> int:
        """Output tokens for which ``left`` units are enough; may be below 0."""
        resource = self.resource
        if resource.unit == "tokens":
            return left - (worst.input_tokens if resource.count == "total" else 0)
        if worst.price is None:
            return worst.output_tokens
        without = Worst(worst.input_tokens, 0, worst.price, worst.media, worst.units_nano).cost_nano()
        rate = rates(worst.price, worst.input_tokens).dearest_output
        return worst.output_tokens if rate == 0 else (left - without) * _MILLION // rate


def _values(name: str, wanted: str, facts: Facts) -> Iterable[str]:
    """The values of a dimension that fit; none when the budget does not apply."""
    each = wanted == EACH
    if name == "consumer":
        return (facts.caller,) if each else _only(wanted, (facts.consumer,))
    if name == "consumer_group":
        return facts.groups if each else _only(wanted, facts.groups)
    if name == "model":
        return facts.models[:1] if each else _only(wanted, facts.models)
    if name == "provider":
        return facts.providers[:1] if each else _only(wanted, facts.providers)
    if name == "route":
        return (facts.route,) if each else _only(wanted, (facts.route,))
    if name == "session":
        return (facts.session,) if each else _only(wanted, (facts.session,))
    tag, _, value = wanted.partition("=")
    found = facts.tags.get(tag, "")
    if value == EACH:
        return (f"{tag}={found}",) if found else ()
    return _only(value, (found,))


def _only(wanted: str, values: Sequence[str]) -> tuple[str, ...]:
    return (wanted,) if wanted in values else ()


def bounded(value: str) -> str:
    """The value, or its hash when it is long or would be taken for the key's own marks."""
    if len(value) <= _LONGEST_VALUE and "|" not in value:
        return value
    return "sha256-" + hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()[:32]


class BudgetIndex:
    """All budgets of a snapshot, found by caller and group without looking at those of others. Immutable."""

    __slots__ = ("_anchored", "_parents", "_rest", "all", "stops")

    def __init__(self, budgets: Mapping[str, CompiledBudget], parents: Mapping[str, str], stops: Mapping[str, Any]):
        self.all = budgets
        self._parents = parents
        """Group -> the group above it."""
        self.stops = Stops(stops)
        self._anchored: dict[tuple[str, str], list[CompiledBudget]] = {}
        self._rest: list[CompiledBudget] = []
        for budget in budgets.values():
            anchor = budget.anchor()
            if anchor is None:
                self._rest.append(budget)
            else:
                self._anchored.setdefault(anchor, []).append(budget)

    def __bool__(self) -> bool:
        return bool(self.all)

    def groups(self, group_id: str) -> tuple[str, ...]:
        """A group and all above it, nearest first. A circle ends where it began."""
        found: list[str] = []
        while group_id and group_id not in found:
            found.append(group_id)
            group_id = self._parents.get(group_id, "")
        return tuple(found)

    def may_apply(self, consumer: str, groups: Sequence[str]) -> list[CompiledBudget]:
        """The budgets worth asking for their keys."""
        if not self._anchored:
            return self._rest
        found = list(self._rest)
        found += self._anchored.get(("consumer", consumer), ())
        for group in groups:
            found += self._anchored.get(("consumer_group", group), ())
        return found


class Stops:
    """Who is stopped. Immutable."""

    __slots__ = ("_consumers", "_everyone", "_groups")

    def __init__(self, stops: Mapping[str, Any]) -> None:
        self._consumers = {one.consumer: one.desc or "" for one in stops.values() if one.consumer is not None}
        self._groups = {one.consumer_group: one.desc or "" for one in stops.values() if one.consumer_group is not None}
        self._everyone = next((one.desc or "" for one in stops.values() if one.everyone), None)

    def __bool__(self) -> bool:
        return bool(self._consumers or self._groups or self._everyone is not None)

    def reason(self, consumer: str, groups: Sequence[str], *, everyone: bool = True) -> str | None:
        """Why a caller is stopped, in a sentence; None when it is not. ``everyone``: a stop of everyone concerns it."""
        if everyone and self._everyone is not None:
            return _sentence("All traffic to models is stopped", self._everyone)
        if consumer in self._consumers:
            return _sentence(f"The consumer {consumer!r} is stopped", self._consumers[consumer])
        for group in groups:
            if group in self._groups:
                return _sentence(f"The consumer group {group!r} is stopped", self._groups[group])
        return None


def _sentence(what: str, why: str) -> str:
    return f"{what}: {why.rstrip('.')}." if why else f"{what}."


NO_BUDGETS = BudgetIndex({}, {}, {})
