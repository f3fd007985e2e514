"""The published table comes out of a run, and its goals are reached."""

from __future__ import annotations

from benchmarks.before_after.figures import figures
from benchmarks.before_after.report import picture, reached, table
from benchmarks.before_after.runs import with_gateway, without
from benchmarks.before_after.scenario import Scenario
from benchmarks.before_after.virtual_time import run


def test_a_small_day_reaches_every_goal() -> None:
    """Fewer calls and a slower runaway than `make before-after`, the same code and the same goals."""
    scenario = Scenario(calls_per_agent=250, runaway_per_s=4.0)
    before, after = figures(run(without(scenario))), figures(run(with_gateway(scenario)))
    shown = table(before, after, scenario)
    assert [name for name, good in reached(after) if not good] == [], shown
    assert before.failed > 0
    assert before.visibility == 0
    assert before.usd_per_million > after.usd_per_million
    assert picture(before, after).startswith("<svg")
