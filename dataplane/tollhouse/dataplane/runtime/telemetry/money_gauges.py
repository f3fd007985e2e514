"""How budgets stand and how many usage records wait, when a node is scraped."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path

from tollhouse.dataplane.runtime.counts.budget_authority import BudgetAuthority
from tollhouse.dataplane.runtime.counts.budget_report import budget_states
from tollhouse.dataplane.runtime.ledger.shipping import Shipping
from tollhouse.dataplane.runtime.link.messages import Family
from tollhouse.dataplane.runtime.node.config_state import ConfigState
from tollhouse.dataplane.runtime.telemetry.metrics import PlainMetrics
from tollhouse.dataplane.services import CounterUnavailable

log = logging.getLogger("tollhouse.metrics")

NANO = 1e9
MOST_SERIES = 2000


class MoneyGauges:
    """Reads when scraped. Budgets that no longer exist are not shown again, so the families are made anew each time."""

    def __init__(self, state: ConfigState, budgets: BudgetAuthority, shipping: Shipping, outbox: Path) -> None:
        self._state = state
        self._budgets = budgets
        self._shipping = shipping
        self._outbox = outbox

    async def families(self) -> list[Family]:
        """The numbers now."""
        metrics = PlainMetrics(MOST_SERIES)
        self._count_outbox(metrics)
        await self._count_budgets(metrics)
        return metrics.families()

    def _count_outbox(self, metrics: PlainMetrics) -> None:
        shipping = self._shipping
        metrics.gauge("tollhouse_outbox_bytes", "Size of the files usage records wait in.", ())().set(self._size())
        waiting = metrics.gauge(
            "tollhouse_outbox_waiting_records", "Usage records read and not stored elsewhere yet.", ()
        )
        waiting().set(len(shipping.reader.waiting))
        shipped = metrics.counter("tollhouse_outbox_shipped_total", "Usage records the ledger has taken.", ())
        shipped().set(shipping.shipped)
        reachable = metrics.gauge(
            "tollhouse_ledger_reachable", "1 while the ledger takes records (or none is used).", ()
        )
        reachable().set(float(not shipping.failures))

    def _size(self) -> int:
        size = 0
        with contextlib.suppress(OSError):  # files go while they are looked at
            size = sum(path.stat().st_size for path in self._outbox.iterdir() if path.is_file())
        return size

    async def _count_budgets(self, metrics: PlainMetrics) -> None:
        raw = self._state.of_kind("budgets")
        if not raw:
            return
        try:
            totals = await self._budgets.totals()
        except CounterUnavailable as error:
            log.info("budgets not shown: %s", error)
            return
        limit = metrics.gauge(
            "tollhouse_budget_limit", "What a budget allows in its window.", ("budget", "key", "unit")
        )
        spent = metrics.gauge("tollhouse_budget_spent", "What is spent of it.", ("budget", "key", "unit"))
        remaining = metrics.gauge(
            "tollhouse_budget_remaining",
            "What is left, after what is reserved for requests under way.",
            ("budget", "key", "unit"),
        )
        may_pass = metrics.gauge(
            "tollhouse_budget_max_overshoot",
            "What providers may have billed beyond what is spent, for answers that were broken off; of this node.",
            ("budget", "key", "unit"),
        )
        resets = metrics.gauge(
            "tollhouse_budget_resets_timestamp_seconds",
            "When its window ends, in seconds since 1970; only of windows of the calendar.",
            ("budget", "key", "unit"),
        )
        for one in budget_states(raw, totals, time.time()):
            factor = 1 / NANO if one.unit == "usd" else 1.0
            labels = (one.budget, one.key, one.unit)
            limit(*labels).set(one.limit * factor)
            spent(*labels).set(one.spent * factor)
            remaining(*labels).set(one.remaining * factor)
            may_pass(*labels).set(one.max_overshoot * factor)
            if one.resets_ms:
                resets(*labels).set(one.resets_ms / 1000)
