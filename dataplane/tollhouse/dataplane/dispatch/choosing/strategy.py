"""A configured strategy at work: gathers what it needs to know of the request and the targets, and keeps its memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from tollhouse.dataplane import variables
from tollhouse.dataplane.dispatch.choosing.hash_key import hash_key
from tollhouse.dataplane.dispatch.choosing.session_key import session_key
from tollhouse.dataplane.dispatch.choosing.targets import Target, TargetStates
from tollhouse.dataplane.engine.balance import SmoothWeighted
from tollhouse.dataplane.engine.expectations import ASSUMED_WRITES
from tollhouse.dataplane.engine.expression import compile_expression
from tollhouse.dataplane.engine.prompt_signs import signs_of
from tollhouse.dataplane.engine.strategies import (
    consistent_hash,
    least_in_flight,
    lowest_cost,
    lowest_latency,
    priority_tiers,
    quota_headroom,
    smart_tiers,
    weighted,
)
from tollhouse.dataplane.engine.strategies.difficulty import difficulty
from tollhouse.dataplane.engine.strategies.standing import Expected, Ranked, Standing
from tollhouse.dataplane.engine.strategies.stickiness import Stickiness
from tollhouse.proto.resources.strategy import Strategy

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_STATE = "difficulty"

_MARK, _FOR_AN_HOUR = b'"cache_control"', b'"1h"'
"""Found in requests that mark parts of their prompt for a cache, and for how long."""


class Chooser:
    """One strategy of one route or model. Shared by exchanges; what it learned lives as long as it does."""

    def __init__(self, spec: Strategy) -> None:
        self.spec = spec
        self._key = hash_key(spec.hash_on, spec.key) if spec.algorithm == "chash" else None
        self._robins: dict[int, SmoothWeighted] = {}
        self.stickiness = Stickiness(spec.sticky.seconds) if spec.sticky is not None else None
        self._tiers = [smart_tiers.Tier(one.name, frozenset(one.targets), one.up_to) for one in spec.tiers]
        self._rules = [(compile_expression(one.when), one.tier) for one in spec.rules]
        self.needs_session = self.stickiness is not None or spec.algorithm == "cost"

    def order(
        self,
        ex: Exchange,
        targets: Sequence[Target],
        states: TargetStates,
        now: float,
        luck: float,
        *,
        preview: bool = False,
    ) -> Ordering:
        """The order for one request. ``preview``: for explaining, no turn is taken and nothing is probed."""
        return Ordering(self, ex, {one.name: one for one in targets}, states, now, 1.0 if preview else luck, preview)

    def session(self, ex: Exchange) -> str:
        """The conversation the request belongs to; empty where it does not matter."""
        if not self.needs_session:
            return ""
        sticky = self.spec.sticky
        return session_key(ex, sticky.header if sticky is not None else None)

    def turns(self, group: int) -> SmoothWeighted:
        """Whose turn it is in a group."""
        return self._robins.setdefault(group, SmoothWeighted())

    def hash_key(self, ex: Exchange) -> str:
        """What is hashed."""
        assert self._key is not None
        return self._key(ex)

    def tier(self, ex: Exchange) -> smart_tiers.Decision:
        """The tier a request belongs to."""
        opted_out = any(fnmatchcase(ex.consumer_name, pattern) for pattern in self.spec.except_consumers)
        lookup: Callable[[str], object] = lambda name: variables.value(ex, name)  # noqa: E731
        return smart_tiers.decide(self._tiers, self._rules, lookup, request_difficulty(ex), opted_out)

    @property
    def tiers(self) -> Sequence[smart_tiers.Tier]:
        """As configured."""
        return self._tiers


class Ordering:
    """Orders groups of one request's targets (``engine.choose.Order``) and keeps the reasons."""

    def __init__(
        self,
        chooser: Chooser,
        ex: Exchange,
        targets: Mapping[str, Target],
        states: TargetStates,
        now: float,
        luck: float,
        preview: bool,
    ) -> None:
        self._chooser = chooser
        self._ex = ex
        self._targets = targets
        self._states = states
        self._now = now
        self._luck = luck
        self._preview = preview
        self.why: dict[str, str] = {}

    def __call__(self, weights: Mapping[str, int], group: int) -> Sequence[str]:
        """Names in the order of trying."""
        ranked = self._ranked([self._standing(name, weight) for name, weight in weights.items()], group)
        if self._chooser.spec.algorithm != "tiers":  # those keep a session in the tier its request belongs to
            ranked = self._kept(ranked)
        self.why.update((one.name, one.why) for one in ranked)
        return [one.name for one in ranked]

    def _kept(self, ranked: list[Ranked]) -> list[Ranked]:
        """The session's last target first."""
        stickiness = self._chooser.stickiness
        return ranked if stickiness is None else stickiness.order(ranked, self._chooser.session(self._ex), self._now)

    def _ranked(self, standings: list[Standing], group: int) -> list[Ranked]:
        chooser = self._chooser
        match chooser.spec.algorithm:
            case "chash":
                return consistent_hash.order(standings, chooser.hash_key(self._ex))
            case "priority":
                return priority_tiers.order(standings)
            case "least_conn":
                return least_in_flight.order(standings)
            case "latency":
                return lowest_latency.order(standings, self._expected(), self._luck, chooser.spec.probe_share)
            case "cost":
                return lowest_cost.order(standings, self._expected())
            case "headroom":
                return quota_headroom.order(standings)
            case "tiers":
                inside = lambda members, tier: self._kept(self._in_turn(members, group * 64 + tier))  # noqa: E731
                return smart_tiers.order(standings, chooser.tiers, chooser.tier(self._ex), inside)
            case _:
                return self._in_turn(standings, group)

    def _in_turn(self, standings: Sequence[Standing], group: int) -> list[Ranked]:
        if self._chooser.stickiness is not None:  # all workers must agree where a new session begins
            return consistent_hash.order(standings, self._chooser.session(self._ex))
        if self._preview:
            return weighted.preview(standings)
        return weighted.order(standings, self._chooser.turns(group))

    def _standing(self, name: str, weight: int) -> Standing:
        target = self._targets[name]
        state = self._states.of(target)
        standing = Standing(name, weight, state.in_flight, state.start.value, state.token.value)
        algorithm = self._chooser.spec.algorithm
        if algorithm == "cost":
            self._price(standing, target)
        elif algorithm == "latency":
            standing.failing = state.alive_s > 0 and not state.start.value and not state.token.value
        elif algorithm == "headroom":
            standing.headroom = state.headroom(self._now)
        elif algorithm == "tiers":
            standing.also = f"{target.endpoint.name}/{target.model}"
        return standing

    def _price(self, standing: Standing, target: Target) -> None:
        """What it would cost there, as far as the target's cache has to do with it."""
        session, agent = self._chooser.session(self._ex), self._ex.consumer_name
        standing.price = target.price
        standing.warm_tokens, writes, standing.write_1h_share = self._states.expectations.warm(
            session, agent, target.key, self._now
        )
        if writes is not None:
            standing.write_share = writes
        elif _MARK in (body := self._ex.body or b""):
            if _FOR_AN_HOUR in body:
                standing.write_1h_share = ASSUMED_WRITES
            else:
                standing.write_share = ASSUMED_WRITES

    def _expected(self) -> Expected:
        ex = self._ex
        return self._states.expectations.expect(ex.consumer_name, route_id(ex), len(ex.body or b""), ex.peek.max_tokens)


def route_id(ex: Exchange) -> str:
    """The route's id; empty before there is one."""
    return ex.route.id if ex.route is not None else ""


def request_difficulty(ex: Exchange) -> float:
    """How difficult a request looks, computed once."""
    known: float | None = ex.state.get(_STATE)
    if known is None:
        assert ex.document is not None
        structured = "structured_output" in ex.peek.needs
        known = ex.state[_STATE] = difficulty(signs_of(ex.document, len(ex.body or b""), structured=structured))
    return known
