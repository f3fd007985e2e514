"""What is to be tried for one request, and how patiently: the targets in order, the policy, the limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from tollhouse.dataplane.chat import Image, Message, ToolResult
from tollhouse.dataplane.dispatch.choosing.targets import UNHEALTHY, Target, TargetStates
from tollhouse.dataplane.engine.balance import ConsistentHash, SmoothWeighted
from tollhouse.dataplane.engine.choose import Asked, Candidate, Choice, Condition, Order, choose
from tollhouse.dataplane.engine.failover import Policy
from tollhouse.dataplane.exchange import ExplainTarget
from tollhouse.dataplane.permitted import ALLOWED, PROVIDERS, REGIONS, is_allowed
from tollhouse.dataplane.transport import Timeouts

if TYPE_CHECKING:
    from tollhouse.dataplane.dispatch.choosing.strategy import Chooser
    from tollhouse.dataplane.exchange import Exchange

SPENT = "spent_targets"
"""``Exchange.state`` key: targets whose quota is used up, by name, with the seconds until there is room again. Set by
limits that count per target."""

OVER_QUOTA = "its quota is used up"

PATIENT = Timeouts(connect_s=5.0, first_byte_s=300.0, idle_s=180.0, send_s=60.0)
"""Where nothing is configured: models may think for minutes before the first byte, and in the middle without showing
it; agents wait for ten."""


BY_RECORD = 0.0
"""In place of a time to wait (``Limits.hedge_s``): what is late is for the target's own record to say."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds one answer."""

    timeouts: Timeouts = PATIENT
    connect_s_with_another: float = 2.0
    """The longest wait for a connection while another target could be tried."""
    keepalive: bool = True
    """The connection may be used again."""
    max_body_bytes: int = 64 << 20
    max_response_bytes: int | None = None
    max_stream_s: float | None = None
    hedge_s: float | None = None
    """A target that has not begun to answer after this gets a rival; ``BY_RECORD``: when it is late by its own record;
    None: it is waited for."""
    continues: bool = False
    """Plain text that breaks off is continued on another target."""
    queue_size: int = 100
    queue_s: float = 2.0
    """How many may wait for a place at a full target, and for how long."""
    cost_event: bool = False
    """Streams say behind their end what they cost."""


class Plan(msgspec.Struct):
    """The decision for one request."""

    targets: list[Target]
    policy: Policy
    limits: Limits
    last_resort: bool = False
    """Nobody was fit: these are tried all the same."""
    guarded: bool = True
    """Breakers may keep a target from being tried; not where it is the only one configured."""
    left_out: list[tuple[str, str]] = []
    """(target, reason) of those that are not in ``targets``."""
    main: int | None = None
    """How many of ``targets`` are ordinary ones (None: all); those behind them stand in ``chains`` only."""
    chains: Mapping[str, Sequence[int]] = {}
    """Reason -> places in ``targets`` that take over for it."""
    begin: str = "availability"
    """The chain it begins in where no ordinary target is fit."""
    chooser: Chooser | None = None
    """Learns from the answer."""
    told: list[ExplainTarget] = []
    """Why the targets stand where they stand, for a caller who asked."""


class Turns:
    """Whose turn it is, per group of targets: round robin with memory, or hashing. One per plugin or model."""

    __slots__ = ("_robins",)

    def __init__(self) -> None:
        self._robins: dict[int, SmoothWeighted] = {}

    def round_robin(self) -> Order:
        """Smooth weighted round robin, one place per priority group."""
        return lambda weights, priority: self._robins.setdefault(priority, SmoothWeighted()).order(weights)

    @staticmethod
    def hashed(key: str) -> Order:
        """The same key meets the same target while it is there."""
        return lambda weights, priority: ConsistentHash(weights).order(key)


def select(
    ex: Exchange,
    targets: Sequence[Target],
    order: Order,
    states: TargetStates,
    now: float,
) -> Choice:
    """Filter and order."""
    spent = ex.state.get(SPENT, ())
    alone = len(targets) == 1

    def condition(candidate: Candidate) -> Condition:
        target = by_name[candidate.name]
        barred = forbidden(ex, target)
        state = states.of(target)
        kept_shut = state.breaker.forced == "open"
        return Condition(
            full="it has as many requests under way as it may" if states.full(target) else "",
            forbidden=barred or (state.shut(now) if kept_shut else ""),
            spent=OVER_QUOTA if candidate.name in spent else "",
            open="" if alone else state.shut(now),
            unhealthy="" if alone or states.healthy(target) else UNHEALTHY,
        )

    by_name = {target.name: target for target in targets}
    candidates = [
        Candidate(
            target.name,
            target.endpoint.name,
            target.model or ex.peek.model,
            target.weight if not alone else max(1, target.weight),
            target.priority,
            target.native,
            target.context_window,
            target.lacks,
        )
        for target in targets
    ]
    return choose(candidates, asked(ex, targets), condition, order)


def plan_of_one(
    ex: Exchange, targets: Sequence[Target], policy: Policy, limits: Limits, states: TargetStates
) -> Plan | None:
    """What ``select`` and ``plan_of`` come to where there is one target and nothing speaks against it, as nearly
    always. None: they must look closer."""
    if len(targets) != 1 or SPENT in ex.state or ALLOWED in ex.state or PROVIDERS in ex.state or REGIONS in ex.state:
        return None
    target = targets[0]
    if target.max_in_flight or states.of(target).breaker.forced or not _surely_fit(ex, target):
        return None
    return Plan([target], policy, limits, guarded=False, main=1)


def _surely_fit(ex: Exchange, target: Target) -> bool:
    """Whether a target can serve a request as far as its size and its announced needs tell, which is nearly always."""
    lacks = target.lacks
    if lacks and ("vision" in lacks or lacks & ex.peek.needs):
        return False
    return not target.context_window or len(ex.body or b"") // 4 <= target.context_window


def forbidden(ex: Exchange, target: Target) -> str:
    """Why this request may not go to a target; empty when it may. Asked again before every attempt, as targets come
    from more places than the first choice."""
    if ALLOWED not in ex.state and PROVIDERS not in ex.state and REGIONS not in ex.state:
        return ""
    models = ex.state.get(ALLOWED)
    if not is_allowed(ex.peek.model, models):
        return f"the caller may not use {ex.peek.model}"
    if not target.native and not is_allowed(target.model or ex.peek.model, models):
        return f"the caller may not use {target.model}, which would stand in"
    if not is_allowed(target.endpoint.name, ex.state.get(PROVIDERS)):
        return f"the caller may not use the provider {target.endpoint.name}"
    if not is_allowed(target.endpoint.region, ex.state.get(REGIONS)):
        return f"the caller may not use the region {target.endpoint.region or 'of a provider that names none'}"
    return ""


def may_serve(target: Target, state: Mapping[str, Any]) -> bool:
    """Whether a caller, by its exchange's state, may reach this target's provider and region."""
    within = is_allowed(target.endpoint.region, state.get(REGIONS))
    return within and is_allowed(target.endpoint.name, state.get(PROVIDERS))


def asked(ex: Exchange, targets: Sequence[Target]) -> Asked:
    """What the request needs. Looks into the content only when some target could be excluded by it."""
    peek = ex.peek
    needs = peek.needs
    raw = ex.body or b""
    if any("vision" in target.lacks for target in targets) and b'"image' in raw and _has_image(ex.chat.messages):
        needs |= {"vision"}
    tokens = len(raw) // 4
    narrow = any(0 < target.context_window < tokens for target in targets)
    if narrow and b"base64" in raw:  # looking for it takes as long as parsing, so only where it decides something
        tokens = 0
    return Asked(needs, tokens)


def _has_image(messages: Sequence[Message]) -> bool:
    for message in messages:
        for part in message.parts:
            if isinstance(part, Image):
                return True
            if isinstance(part, ToolResult) and any(isinstance(inner, Image) for inner in part.parts):
                return True
    return False


def plan_of(
    choice: Choice,
    targets: Sequence[Target],
    policy: Policy,
    limits: Limits,
    chains: Mapping[str, Sequence[Target]] | None = None,
    chooser: Chooser | None = None,
) -> Plan:
    """The plan that follows from a choice. ``chains``: reason -> the targets that take over for it."""
    by_name = {target.name: target for target in targets}
    ordered = [by_name[item.name] for item in choice.order]
    left_out = [(item.name, reason) for item, reason in choice.excluded]
    places: dict[str, list[int]] = {}
    main = len(ordered)
    for reason, members in (chains or {}).items():
        for member in members:
            if member not in ordered:
                ordered.append(member)
            places.setdefault(reason, []).append(ordered.index(member))
    begin = "availability" if main else _first_chain([reason for _, reason in left_out])
    if not main and begin not in places:
        ordered = []
    return Plan(
        ordered,
        policy,
        limits,
        choice.last_resort,
        len(ordered) > 1,
        left_out,
        main,
        places,
        begin,
        chooser,
    )


def _first_chain(reasons: Sequence[str]) -> str:
    """The reason for which no ordinary target is fit."""
    if reasons and all("do not fit" in one for one in reasons):
        return "context_too_long"
    if reasons and all(one == OVER_QUOTA for one in reasons):
        return "budget"
    if any(one.startswith(("the caller may not", "cannot do")) for one in reasons):
        return "nothing helps"
    return "availability"
