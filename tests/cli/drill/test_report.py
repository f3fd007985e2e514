"""Figures of a drill."""

from __future__ import annotations

import pytest
from tollhouse.cli.drill.books import Booked
from tollhouse.cli.drill.faults import schedule
from tollhouse.cli.drill.load import Call
from tollhouse.cli.drill.report import HEADINGS, as_data, outcomes, row, total
from tollhouse.cli.simulator.log import Entry


def call(at_s: float, *, whole: bool = True, stream: bool = False, status: int = 200, told: bool = True) -> Call:
    """A call at a time."""
    return Call(at_s, 0.2, status, stream, whole, told, 2, 0.1 if whole else 0.0, "a", stream)


def entry(at_s: float, ended: str, pieces: int) -> tuple[str, Entry]:
    """What a simulator logged."""
    made = Entry(1, "POST", "/v1/messages", {}, {"messages": "x" * 4000}, 200, True, ended, pieces)
    made.started = 1000.0 + at_s
    made.billed = {"input": 1000, "output": pieces}
    return "anthropic", made


def test_calls_and_costs_fall_into_their_phases() -> None:
    """What broke after content was shown is cut, the rest is lost; only what nobody got is wasted."""
    phases = schedule(["cut"], 10, 5)
    calls = [call(1), call(6), call(7, whole=False, stream=True), call(8, whole=False, status=503, told=False)]
    entries = [entry(1, "complete", 5), entry(7, "cut", 100), entry(8, "error", 0)]
    books = [Booked(1001.0, 0.25, 0.0), Booked(1007.0, 0.5, 0.125)]
    calm, fault, after = outcomes(phases, calls, entries, books, 1000.0)
    assert (calm.calls, calm.served, calm.availability, calm.wasted_usd) == (1, 1, 1.0, 0.0)
    assert (fault.calls, fault.served, fault.cut, fault.lost, fault.untold) == (3, 1, 1, 1, 1)
    assert fault.availability == 0.5
    assert fault.amplification == 2 / 3
    assert fault.wasted_usd == pytest.approx(0.0025)  # twice 1,000 tokens in at 1 USD, 100 out at 5 USD per million
    assert calm.billed_usd == pytest.approx(0.001025)
    assert fault.billed_usd == fault.wasted_usd
    assert (calm.booked_usd, fault.booked_usd, fault.estimated_usd) == (0.25, 0.5, 0.125)
    assert after.availability == 1.0
    assert total(calls, entries, books).booked_usd == 0.75


def test_both_forms_hold_the_same() -> None:
    """A row per phase for people, data for scripts."""
    one = total([call(0)], [], [])
    assert len(row(one)) == len(HEADINGS)
    assert as_data(one)["availability"] == 1.0


def test_a_fault_that_nobody_met_was_not_tested() -> None:
    """The breaker was still open from the one before, say."""
    phases = schedule(["errors", "storm"], 10, 5)
    met = call(6)
    met.met = True
    shown = outcomes(phases, [met, call(21)], [], [], 1000.0)
    assert [(one.phase, one.met, one.tested) for one in shown if one.what] == [("errors", 1, True), ("storm", 0, False)]
    assert all(one.tested for one in shown if not one.what)
    assert "not tested" in row(shown[3])[2]
