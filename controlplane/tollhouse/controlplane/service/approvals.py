"""Approvals: opened by nodes, decided once by an operator. Who decides first has decided; everybody else is told so."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from tollhouse.controlplane.author import author, purpose
from tollhouse.controlplane.service.checking import Checker, refuse_errors
from tollhouse.controlplane.service.exclusion import Exclusion
from tollhouse.controlplane.service.links import Links
from tollhouse.controlplane.service.permits import Permits
from tollhouse.controlplane.service.refusal import Fault, KeyNotFound, Refusal, invalid
from tollhouse.controlplane.service.turns import lost_race, turns
from tollhouse.controlplane.store.objects import Commit, Stored, encode_value
from tollhouse.controlplane.store.store import Store
from tollhouse.proto.resources import KINDS
from tollhouse.proto.resources.budget import Budget
from tollhouse.proto.units import format_usd, usd_to_nano

PLURAL = "approvals"
DEFAULT_FOR_S = 3600
LONGEST_FOR_S = 31 * 86400
LONGEST_OPEN_S = 7 * 86400
MOST_PENDING = 100
"""Of one budget: agents invent sessions, and operators read these."""
ARRIVES_S = 5
"""So long after a decision a node may not have heard of it."""
KEPT_S = 30 * 86400
"""How long decided ones stay to be seen; the history has them longer."""

Via = Literal["grpc", "rest", "console", "link"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a node asks for. Amounts in whole units: nano-USD, tokens, requests."""

    budget: str
    key: str
    unit: str
    limit: int
    used: int
    needed: int
    ttl_s: int
    context: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Decided:
    """An approval as it is shown, with what follows from the time."""

    id: str
    key: str
    """In etcd."""
    value: dict[str, Any]
    state: str
    """As stored, or ``expired``."""
    active: bool
    """A grant that can be used now."""
    created_revision: int
    revision: int


class Approvals:
    """Opens and decides. Shared by all requests."""

    def __init__(self, store: Store, checker: Checker, clock: Callable[[], float], exclusion: Exclusion) -> None:
        self.links = Links("", "")
        self._store = store
        self._permits = Permits(store)
        self._checker = checker
        self._clock = clock
        self._exclusion = exclusion

    # -- looking

    async def find(self, state: str = "", budget: str = "") -> list[Decided]:
        """The newest first."""
        self._permits.require("read", PLURAL)
        items, _ = await self._store.list(PLURAL)
        found = [self._shown(item) for item in await self._permits.shown(items) if item.value]
        kept = [one for one in found if state in ("", one.state) and budget in ("", one.value.get("budget"))]
        return sorted(kept, key=lambda one: -one.created_revision)

    async def get(self, approval_id: str) -> Decided:
        """One. Raises KeyNotFound."""
        self._permits.require("read", PLURAL)
        found = await self._stored(approval_id)
        await self._permits.check_read(found)
        return self._shown(found)

    async def _stored(self, approval_id: str) -> Stored:
        found = await self._store.get(PLURAL, approval_id) if not KINDS[PLURAL].id_error(approval_id) else None
        if found is None or not found.value:
            raise KeyNotFound
        return found

    def _shown(self, item: Stored) -> Decided:
        now, value = self._clock(), item.value
        state = str(value.get("state", "pending"))
        if state == "pending" and value.get("expires_at", 0) <= now:
            state = "expired"
        active = state == "approved" and value.get("until", 0) > now
        return Decided(item.id, item.key, value, state, active, item.create_revision, item.mod_revision)

    def link(self, one: Decided) -> str:
        """The address where it can be decided without a key; empty where none are offered."""
        return self.links.make(one.id, int(one.value["expires_at"]))

    def of_link(self, token: str) -> str | None:
        """The id of the approval a link decides; None for one that is not valid."""
        return self.links.read(token, self._clock())

    # -- opening

    async def open(self, asked: Asked) -> tuple[Decided, bool]:
        """The approval to wait for, and whether it is new. One that is pending, was granted just now, or is denied for
        a while yet is returned instead of a new one. Raises Refusal."""
        async with self._exclusion.turn(alone=True):
            async for _ in turns():
                view = await self._store.view(PLURAL, "budgets")
                now = int(self._clock())
                items = view.of_kind(PLURAL)
                there = self._in_force(items, asked.key, now)
                if there is not None:
                    return there, False
                budget = view.objects.get(("budgets", asked.budget))
                if budget is None:
                    raise invalid(f"there is no budget {asked.budget!r} any more")
                self._check_room(items, asked.budget)
                approval_id = secrets.token_hex(5)
                value = self._opened(approval_id, asked, budget.value, now)
                key = self._store.key(PLURAL, approval_id)
                old = [item.key for item in items if _is_over(item.value, now)][:50]
                revision = await self._store.commit(
                    Commit(
                        puts={key: encode_value(value)},
                        deletes=tuple(old),
                        unmoved={key: 0},
                        generation=view.generation,
                        recorded=False,  # the decision is: agents must not be able to push it out of the history
                    )
                )
                if revision is not None:
                    return self._shown(Stored(PLURAL, approval_id, key, value, revision, revision)), True
        raise lost_race()

    def _in_force(self, items: list[Stored], key: str, now: int) -> Decided | None:
        for item in items:
            value = item.value
            if value.get("key") != key:
                continue
            state, until = value.get("state"), value.get("until", 0)
            on_its_way = state == "approved" and until > now and value.get("decided_at", 0) + ARRIVES_S > now
            pending = state == "pending" and value.get("expires_at", 0) > now
            if pending or on_its_way or (state == "denied" and until > now):
                return self._shown(item)
        return None

    def _check_room(self, items: list[Stored], budget: str) -> None:
        pending = sum(
            1 for item in items if item.value.get("budget") == budget and self._shown(item).state == "pending"
        )
        if pending >= MOST_PENDING:
            raise invalid(f"{pending} approvals of the budget {budget!r} are pending already; decide those first")

    def _opened(self, approval_id: str, asked: Asked, budget: dict[str, Any], now: int) -> dict[str, Any]:
        show = format_usd if asked.unit == "usd" else str
        suggested = max(asked.needed, asked.limit // 10, 1)
        value = {
            "id": approval_id,
            "budget": asked.budget,
            "key": asked.key,
            "unit": asked.unit,
            "state": "pending",
            "opened_at": now,
            "expires_at": now + min(max(asked.ttl_s, 1), LONGEST_OPEN_S),
            "limit": show(asked.limit),
            "used": show(asked.used),
            "needed": show(asked.needed),
            "suggested": budget.get("suggested_grant") or show(suggested),
            "context": dict(asked.context),
        }
        self._check(approval_id, value)
        return value

    # -- deciding

    async def approve(self, approval_id: str, amount: str, for_s: int, note: str, *, via: Via) -> Decided:
        """Grant so much (empty: what is suggested) for so long (0: an hour). Raises Refusal."""

        def change(value: dict[str, Any], now: int) -> dict[str, Any]:
            granted = _amount(amount or str(value["suggested"]), str(value["unit"]))
            if via == "link" and Decimal(granted) > Decimal(value["suggested"]):
                raise invalid(f"a link grants {value['suggested']} at most; gatewayctl approvals approve grants more")
            return {"state": "approved", "granted": granted, "until": now + _duration(for_s)}

        return await self._decide(approval_id, change, note, via)

    async def deny(self, approval_id: str, for_s: int, note: str, *, via: Via) -> Decided:
        """Refuse it; nobody is asked again for so long (0: an hour). Raises Refusal."""
        return await self._decide(
            approval_id, lambda _, now: {"state": "denied", "until": now + _duration(for_s)}, note, via
        )

    async def revoke(self, approval_id: str, note: str, *, via: Via) -> Decided:
        """End a grant before its time. Raises Refusal."""
        return await self._decide(
            approval_id, lambda _, now: {"state": "revoked", "until": now}, note, via, of="approved"
        )

    async def _decide(
        self,
        approval_id: str,
        change: Callable[[dict[str, Any], int], dict[str, Any]],
        note: str,
        via: Via,
        of: str = "pending",
    ) -> Decided:
        token = purpose.set(f"approval {approval_id}")
        try:
            async with self._exclusion.turn(alone=False):
                async for _ in turns():
                    before = await self._stored(approval_id)
                    await self._permits.check_write("write", PLURAL, approval_id, before, None)
                    self._check_state(before, of)
                    now = int(self._clock())
                    told = {"decided_by": author.get().name, "decided_via": via, "decided_at": now, "note": note}
                    value = {**before.value, **told, **change(before.value, now)}
                    self._check(approval_id, value)
                    revision = await self._store.commit(
                        Commit(
                            puts={before.key: encode_value(value)},
                            before={before.key: before.value},
                            unmoved={before.key: before.mod_revision},
                            exist=(self._store.key("budgets", str(value["budget"])),) if of == "pending" else (),
                        )
                    )
                    if revision is not None:
                        stored = Stored(PLURAL, approval_id, before.key, value, before.create_revision, revision)
                        return self._shown(stored)
                    if await self._store.get("budgets", str(value["budget"])) is None:
                        raise invalid(f"the budget {value['budget']!r} does not exist any more")
            raise lost_race()
        finally:
            purpose.reset(token)

    def _check_state(self, item: Stored, wanted: str) -> None:
        shown = self._shown(item)
        if shown.state == wanted and (wanted != "approved" or shown.active):
            return
        who = item.value.get("decided_by") or "nobody"
        if shown.state == "expired":
            what = "nobody decided it in time; the next request that needs it opens a new one"
        elif shown.state == "pending":
            what = "it is not decided yet"
        elif shown.state == "approved" and wanted == "approved":
            what = "its grant has ended"
        else:
            what = f"it was {shown.state} by {who} already"
        raise Refusal(Fault.PRECONDITION, f"approval {item.id}: {what}")

    def _check(self, approval_id: str, value: dict[str, Any]) -> None:
        prepared = self._checker.prepare(KINDS[PLURAL], approval_id, dict(value), None)
        refuse_errors(prepared.problems, f"{PLURAL}/{approval_id}")


def _amount(text: str, unit: str) -> str:
    """A grant's amount, checked as a budget's is. Raises Refusal."""
    try:
        budget = Budget.model_validate({"unit": unit, "amount": text, "window": "total"})
    except ValueError:
        raise invalid(f"amount: expected {unit} above 0, came {text!r}") from None
    return format_usd(int(usd_to_nano(budget.amount))) if unit == "usd" else str(budget.units)


def _duration(for_s: int) -> int:
    if not 0 <= for_s <= LONGEST_FOR_S:
        raise invalid(f"for: expected 1 second to 31 days, came {for_s} seconds")
    return for_s or DEFAULT_FOR_S


def _is_over(value: Mapping[str, Any], now: int) -> bool:
    return max(int(value.get("until") or 0), int(value.get("expires_at") or 0)) + KEPT_S < now
