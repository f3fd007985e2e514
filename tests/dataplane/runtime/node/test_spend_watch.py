"""Spending by budget and key, five minutes at a time."""

from __future__ import annotations

from tollhouse.dataplane.engine.reservations import Bucket
from tollhouse.dataplane.runtime.node.config_state import ConfigState
from tollhouse.dataplane.runtime.node.spend_watch import SpendWatch
from tollhouse.dataplane.spending import Alert
from tollhouse.proto.resources import Budget

BUDGETS = {"day": Budget.model_validate({"unit": "usd", "amount": 10, "window": "day", "alert_on_anomaly": True})}


async def nothing() -> list[tuple[str, int, Bucket]]:
    return []


def test_a_key_that_spends_much_more_than_before_is_told() -> None:
    """By itself; what was counted before the watch began is nobody's spending now, nor is a new window a refund."""
    told: list[Alert] = []
    watch = SpendWatch(ConfigState(), nothing, told.append)
    coder, tester = 5_000_000_000, 0
    for window in (0, 300):
        for step in range(20):
            coder += 10_000_000
            start = coder if window == 0 or step else 10_000_000
            coder = start
            totals = [("day|consumer=coder", window, Bucket(spent=coder)), ("other", 0, Bucket(spent=step * 10**9))]
            watch.look(BUDGETS, [*totals, ("day|consumer=tester", window, Bucket(spent=tester))])
    assert told == []
    watch.look(BUDGETS, [("day|consumer=coder", 300, Bucket(spent=coder + 1_000_000_000))])
    assert [(one.event, one.subject, one.budget) for one in told] == [("spend_anomaly", "day|consumer=coder", "day")]
    assert told[0].text.endswith("1.00 USD in five minutes, usual are 0.01.")
