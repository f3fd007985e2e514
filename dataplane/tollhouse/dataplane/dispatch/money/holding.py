"""Requests that wait: for room in a budget's window (``queue``), or for an operator's word (``escalate``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from tollhouse.dataplane.dispatch.choosing.gate import Gate
from tollhouse.dataplane.dispatch.money.entry import Share
from tollhouse.dataplane.dispatch.money.waiting import waiting_of
from tollhouse.dataplane.engine.budgets import Worst
from tollhouse.dataplane.errors import ClientError, GatewayError
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.spending import WAITED, Claim, Need

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

LOOK_S = 0.1
"""How often the first in a line asks for room, at first and at most."""
LONGEST_LOOK_S = 0.5
LOOK_AGAIN_S = 1.0
"""How often a request that waits for an operator looks whether there is room by itself."""
HELD = WAITED
"""No deadline counts these."""


class NoRoom(Exception):
    """Waiting is over, or there is no place to wait: what the client is told. None: what a refusal says anyway."""

    def __init__(self, error: GatewayError | None = None) -> None:
        super().__init__()
        self.error = error


@dataclass(slots=True)
class Hold:
    """One attempt's waiting: created when a budget first refuses it, closed on every way out."""

    services: Services
    ex: Exchange
    worst: Worst
    body: bytes
    target: str
    facts: dict[str, Any]
    used_up: set[str] = field(default_factory=set)
    """Grants without room for it."""
    line: tuple[str, str, Gate] | None = None
    """Where it stands first: (budget, key, line). One at a time asks for room."""
    asked: dict[str, str] = field(default_factory=dict)
    """Key -> the approval it waits for."""
    counted: list[tuple[str, str]] = field(default_factory=list)
    """(budget, key) where it counts as held."""
    until: float = 0.0
    began: float = 0.0
    look_s: float = LOOK_S
    mode: str = ""

    def granted(self, shares: list[Share]) -> list[Share]:
        """The shares, with what operators granted in the place of budgets that have no room: those are counted all
        the same, but the grant's amount is the limit."""
        waiting, now = waiting_of(self.services), self.services.clock.time()
        found: list[Share] = []
        for share in shares:
            found.append(share)
            if share.budget.resource.on_exceed != "escalate" or share.claim.key not in self.asked:
                continue
            grant = next((g for g in waiting.standing.grants(share.claim.key, now) if g.id not in self.used_up), None)
            if grant is None:
                continue
            share.claim = msgspec.structs.replace(share.claim, enforced=False)
            units = share.claim.units
            found.append(Share(grant.budget, Claim(grant.key, units, grant.units, 0, 0, grant.expires)))
        return found

    async def room(self, share: Share) -> None:
        """Wait until asking again may help. Raises NoRoom."""
        claim, resource = share.claim, share.budget.resource
        if claim.key.startswith("~grant|"):
            self.used_up.add(claim.key.partition("|")[2])
            return
        if claim.units > claim.limit and resource.on_exceed == "queue":
            raise NoRoom  # it never fits
        if resource.on_exceed == "queue":
            await self._queue(share)
        else:
            await self._escalate(share)

    def _begin(self, share: Share, mode: str) -> None:
        if not self.mode:
            self.mode = mode
            self.began = self.services.clock.monotonic()
            self.until = self.began + share.budget.resource.wait_s
            self.counted.append((share.budget.id, ""))
            waiting_of(self.services).count(share.budget.id, mode, 1)

    def _left_s(self) -> float:
        return self.until - self.services.clock.monotonic()

    def _most(self, share: Share) -> int:
        return max(1, share.budget.resource.max_waiting // max(1, self.services.workers))

    # -- for room

    async def _queue(self, share: Share) -> None:
        self._begin(share, "queue")
        waiting, key = waiting_of(self.services), share.claim.key
        if self.line is None:
            line = waiting.lines.setdefault(key, Gate())
            who = self.ex.consumer_name or self.ex.client_ip
            most = self._most(share)
            full = len(line) >= most
            if not await line.enter(who, 1, most - 1, self._left_s()):
                raise self._too_long(share, "full" if full and self._left_s() > 0 else "timeout")
            self.line = (share.budget.id, key, line)
            return  # others have gone before: ask at once
        left_s = self._left_s()
        if left_s <= 0:
            raise self._too_long(share, "timeout")
        await self.services.clock.sleep(min(self.look_s, left_s))
        self.look_s = min(self.look_s * 2, LONGEST_LOOK_S)

    def _too_long(self, share: Share, result: str) -> NoRoom:
        budget = share.budget
        waiting_of(self.services).ended(budget.id, "queue", result)
        now = self.services.clock.time()
        ends = budget.span(now).ends
        after = max(1.0, min(ends - now, 86400.0)) if ends else 60.0
        name = budget.resource.name or budget.id
        what = "the queue for it is full" if result == "full" else "none came while the request waited"
        message = f"The budget {name!r} has no room now, and {what}. Try again in {round(after)} seconds."
        error = ClientError(429, "rate_limited", message, retry_after_s=after)
        error.headers["x-tollhouse-budget"] = budget.id
        return NoRoom(error)

    # -- for an operator

    async def _escalate(self, share: Share) -> None:
        key, budget, waiting = share.claim.key, share.budget, waiting_of(self.services)
        now = self.services.clock.time()
        self.asked.setdefault(key, "")
        denial = waiting.standing.denial(key, now)
        if denial is not None:
            raise self._denied(share, denial.id, denial.note)
        if any(grant.id not in self.used_up for grant in waiting.standing.grants(key, now)):
            return
        if not self._hold(share):
            raise self._refused(share, "full", "as many requests as may wait for an operator do already")
        approval = self.asked[key]
        state = waiting.standing.states.get(approval, "pending") if approval else ""
        if state != "pending":
            approval = self.asked[key] = await self._ask(share)
        if budget.resource.wait_s == 0:
            raise self._refused(share, "refused", f"operators are asked (approval {approval}); try again later")
        left_s = self._left_s()
        if left_s <= 0:
            raise self._refused(share, "timeout", f"no operator has answered in time (approval {approval})")
        await waiting.changed(min(LOOK_AGAIN_S, left_s))

    def _hold(self, share: Share) -> bool:
        """Whether there is a place to wait."""
        self._begin(share, "escalate")
        key, waiting = share.claim.key, waiting_of(self.services)
        if (share.budget.id, key) in self.counted:
            return True
        if waiting.held.get(key, 0) >= self._most(share):
            return False
        waiting.held[key] = waiting.held.get(key, 0) + 1
        self.counted.append((share.budget.id, key))
        return True

    async def _ask(self, share: Share) -> str:
        """The approval's id. Raises NoRoom when nobody can be asked, or it is denied."""
        claim, resource = share.claim, share.budget.resource
        if self.services.ask_operators is None:
            raise self._refused(share, "unasked", "nobody can be asked here")
        need = Need(
            share.budget.id,
            claim.key,
            resource.unit,
            claim.limit,
            share.used,
            claim.units,
            resource.approval_ttl_s,
            {**self.facts, **_shape(self.body), "target": self.target, "held": resource.wait_s > 0}
            | {"input_tokens": self.worst.input_tokens, "output_tokens": self.worst.output_tokens},
        )
        told = await self.services.ask_operators(need)
        if told.problem:
            raise self._refused(share, "unasked", f"operators could not be asked: {told.problem}")
        if told.state == "denied":
            raise self._denied(share, told.id, told.note)
        return told.id

    def _denied(self, share: Share, approval: str, note: str) -> NoRoom:
        why = f": {note.rstrip('.')}" if note else ""
        return self._refused(share, "denied", f"an operator has denied more (approval {approval}){why}")

    def _refused(self, share: Share, result: str, what: str) -> NoRoom:
        budget = share.budget
        waiting_of(self.services).ended(budget.id, "escalate", result)
        name = budget.resource.name or budget.id
        error = ClientError(429, "budget_exceeded", f"The budget {name!r} is used up, and {what}.")
        error.headers["x-tollhouse-budget"] = budget.id
        approval = self.asked.get(share.claim.key)
        if approval:
            error.headers["x-tollhouse-approval"] = approval
        return NoRoom(error)

    # -- the end

    def passed(self) -> None:
        """There is room now."""
        if self.mode:
            waiting_of(self.services).ended(self.counted[0][0], self.mode, "passed")

    def close(self) -> None:
        """Wait no longer, however it ended."""
        waiting = waiting_of(self.services)
        if self.line is not None:
            _, key, line = self.line
            self.line = None
            line.leave()
            if not len(line) and waiting.lines.get(key) is line:
                del waiting.lines[key]
        for budget, key in self.counted:
            if not key:
                waiting.count(budget, self.mode, -1)
            elif waiting.held.get(key, 0) <= 1:
                waiting.held.pop(key, None)
            else:
                waiting.held[key] -= 1
        self.counted = []
        if self.mode:
            before = self.ex.state.get(HELD, 0.0)
            self.ex.state[HELD] = before + self.services.clock.monotonic() - self.began


def _shape(body: bytes) -> dict[str, int]:
    """How much is asked for, and nothing of what."""
    try:
        asked = msgspec.json.decode(body)
    except msgspec.DecodeError:
        asked = None
    asked = asked if isinstance(asked, dict) else {}
    lists = [asked[name] for name in ("messages", "contents", "input") if isinstance(asked.get(name), list)]
    tools = asked.get("tools")
    return {
        "body_bytes": len(body),
        "messages": len(lists[0]) if lists else 0,
        "tools": len(tools) if isinstance(tools, list) else 0,
    }
