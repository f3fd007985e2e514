"""What one worker knows of one target right now: its load, its breakers, its pace, what is left of its quota."""

from __future__ import annotations

from typing import Any, Literal

from tollhouse.dataplane.dispatch.choosing.gate import Gate
from tollhouse.dataplane.dispatch.setup.probed import Probe
from tollhouse.dataplane.engine.breaker import DEAD_KEY, Breaker
from tollhouse.dataplane.engine.patience import FLOOR_S, Kind, Pace
from tollhouse.dataplane.engine.peak_ewma import PeakEwma
from tollhouse.dataplane.engine.quota_headers import refilled
from tollhouse.dataplane.engine.retry_budget import RetryBudget
from tollhouse.dataplane.services import Cell

Action = Literal["open", "close", "reset"]
"""What an operator may do to a breaker: keep the target shut, keep it open to traffic, let it judge by itself again."""

SILENCE = frozenset({"connect", "timeout", "slow"})
"""Reasons to open that concern requests already sent, too."""

_OF_ACCOUNT = DEAD_KEY | {"connect"}
"""Failures that concern all models of an account, and none of them in particular."""

LEVELS = {"closed": 0, "half_open": 1, "open": 2}


class TargetState:
    """What one worker knows of one target right now. Lives as long as the worker."""

    __slots__ = (
        "_headroom",
        "_headroom_s",
        "account",
        "account_key",
        "alive_s",
        "breaker",
        "brisk_s",
        "budget",
        "first_byte_s",
        "gate",
        "in_flight",
        "key",
        "level",
        "model",
        "name",
        "paces",
        "probe",
        "provider",
        "start",
        "token",
    )

    smoothing = 0.3

    def __init__(
        self, name: str, model: str, account: Breaker, key: str = "", account_key: str = "", provider: str = ""
    ) -> None:
        self.name = name
        self.model = model
        """As configured; empty where clients choose it."""
        self.provider = provider
        """Its id in the configuration, or its type."""
        self.key = key
        self.account_key = account_key
        self.breaker = Breaker()
        self.account = account
        """The breaker of the whole account and address: a dead key or a closed port concerns all its models."""
        self.budget = RetryBudget()
        self.gate = Gate()
        self.in_flight = 0
        self.first_byte_s = 0.0
        """Time to the first byte, exponentially smoothed; 0 while unknown."""
        self.start = PeakEwma()
        """Seconds to the first content; 0 while unknown, so that it gets tried."""
        self.token = PeakEwma()
        """Seconds per token after that."""
        self.paces: dict[Kind, Pace] = {}
        """How long answers take to begin, per kind of request."""
        self.alive_s = float("-inf")
        """When it last answered anybody, be it with an error."""
        self.brisk_s = float("-inf")
        """When the request was made that was the latest one to be answered within the ordinary time."""
        self._headroom: float | None = None
        self._headroom_s = 0.0
        self.probe: Probe | None = None
        """How it was probed last."""
        self.level: Cell | None = None
        """The gauge that shows the breaker."""

    def permits(self, now: float, *, last_resort: bool = False) -> bool:
        """Whether both breakers let a request through."""
        return self.breaker.permits(now, last_resort=last_resort) and self.account.permits(now, last_resort=last_resort)

    def shut(self, now: float) -> str:
        """Why it is shut out, for people; empty when it is not."""
        if self.breaker.forced == "open":
            return "an operator keeps it shut"
        for breaker, what in ((self.account, "its provider"), (self.breaker, "it")):
            if not breaker.permits(now):
                if breaker.state(now) == "closed":
                    return f"the breaker closed a moment ago ({what} gets its load back step by step)"
                return f"the breaker is open ({what} failed: {breaker.reason}), {breaker.wait_s(now):.1f} s to go"
        return ""

    def state(self, now: float) -> str:
        """The worse of both breakers: ``closed``, ``half_open`` or ``open``."""
        return max(self.breaker.state(now), self.account.state(now), key=lambda one: LEVELS[one])

    def wait_s(self, now: float) -> float:
        """Seconds until it may be tried again."""
        return max(self.breaker.wait_s(now), self.account.wait_s(now))

    def begin(self, now: float) -> tuple[bool, bool]:
        """A try begins; hand the result to ``end``."""
        self.in_flight += 1
        return self.breaker.started(now), self.account.started(now)

    def end(
        self, now: float, probes: tuple[bool, bool], kind: str, retry_after_s: float | None, took_s: float | None
    ) -> bool:
        """A try ended, ``kind`` as ``Breaker.ended`` takes it. Returns whether a breaker opened by it."""
        self.answered(took_s)
        if kind == "no_access" and not self.model:
            kind = "answered"  # of a model the client chose; others may be had
        concerns_account = kind in _OF_ACCOUNT
        opened = self.breaker.ended(now, probes[0], "cancelled" if concerns_account else kind, retry_after_s)
        # Any answer proves the account reachable, so only failures of its own kind count against it.
        account_kind = kind if concerns_account or kind in ("", "cancelled", "timeout") else "answered"
        return self.account.ended(now, probes[1], account_kind, retry_after_s) or opened

    def answered(self, took_s: float | None) -> None:
        """One try less is under way; its answer began after ``took_s``."""
        self.in_flight -= 1
        if took_s is not None:
            self.first_byte_s += (took_s - self.first_byte_s) * (self.smoothing if self.first_byte_s else 1.0)

    def told_quota(self, share: float, now: float) -> None:
        """The provider's last word on what is left of its quota."""
        self._headroom, self._headroom_s = share, now

    def paced(self, kind: Kind, seconds: float, now: float) -> None:
        """An answer of this kind began after so long."""
        pace = self.paces.get(kind)
        if pace is None:
            pace = self.paces[kind] = Pace()
        ordinary_s = pace.ordinary_s(now)
        if not ordinary_s or seconds <= max(ordinary_s, FLOOR_S):
            self.brisk_s = max(self.brisk_s, now - seconds)
        pace.observe(seconds, now)

    def ordinary_s(self, kind: Kind, now: float) -> float:
        """Within which answers of this kind begin; 0 while that is not known."""
        pace = self.paces.get(kind)
        return pace.ordinary_s(now) if pace is not None else 0.0

    def silent_since(self, now: float) -> float | None:
        """When it opened because nothing came any more, so that what is under way will probably not be answered; None
        when it did not, or is well again."""
        for one in (self.breaker, self.account):
            if one.reason in SILENCE and not one.forced and one.state(now) != "closed":
                return one.opened_s
        return None

    def headroom(self, now: float) -> float | None:
        """What is left of it by now; None when the provider never said."""
        return None if self._headroom is None else refilled(self._headroom, now - self._headroom_s)

    def show(self, now: float) -> None:
        """Bring the gauge up to date."""
        if self.level is not None:
            self.level.set(LEVELS[self.state(now)])

    def force(self, action: Action) -> None:
        """An operator's word."""
        self.breaker.forced = "" if action == "reset" else "open" if action == "open" else "closed"
        if action != "open":
            self.breaker.reset()
            self.account.reset()

    def report(self, now: float) -> dict[str, Any]:
        """For status pages: plain data, no addresses and no keys."""
        return {
            "target": self.name,
            "model": self.model,
            "in_flight": self.in_flight,
            "waiting": self.gate.waiting,
            "breaker": self.breaker.state(now),
            "account_breaker": self.account.state(now),
            "forced": self.breaker.forced,
            "reason": self.account.reason or self.breaker.reason,
            "retry_in_s": round(self.wait_s(now), 3),
            "first_byte_s": round(self.first_byte_s, 6),
            "start_s": round(self.start.value, 6),
            "token_s": round(self.token.value, 6),
            "headroom": self.headroom(now),
        }
