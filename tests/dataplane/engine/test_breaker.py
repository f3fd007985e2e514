"""The circuit breaker, as transcripts."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.engine.breaker import Breaker


def fail(breaker: Breaker, now: float, kind: str = "connect", times: int = 1) -> None:
    """So many requests that fail one after another."""
    for _ in range(times):
        breaker.ended(now, breaker.started(now), kind)


def test_opens_after_failures_in_a_row() -> None:
    """Two failures are bad luck, the third opens; a success in between starts the count again."""
    breaker = Breaker()
    fail(breaker, 0, times=2)
    breaker.ended(0, breaker.started(0))
    fail(breaker, 0, times=2)
    assert breaker.permits(0)
    fail(breaker, 0)
    assert not breaker.permits(0)
    assert breaker.state(0) == "open"
    assert breaker.reason == "connect"


def test_half_open_lets_one_probe_through() -> None:
    """After its time one request may try; a second must not until the first is back."""
    breaker = Breaker()
    fail(breaker, 0, times=3)
    assert breaker.wait_s(0.5) == pytest.approx(1.5)
    assert breaker.permits(2)
    probe = breaker.started(2)
    assert probe
    assert not breaker.permits(2)
    breaker.ended(2, probe)
    assert breaker.state(2) == "closed"
    assert breaker.permits(2)


def test_a_failed_probe_keeps_it_open_twice_as_long() -> None:
    """2 s, then 4 s, never beyond the longest."""
    breaker = Breaker()
    fail(breaker, 0, times=3)
    now = 0.0
    waits = []
    for _ in range(6):
        waits.append(breaker.wait_s(now))
        now += breaker.wait_s(now)
        fail(breaker, now)
    assert waits == [2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize("kind", ["auth", "quota"])
def test_a_dead_key_opens_at_once(kind: str) -> None:
    """Asking again with the same key gives the same answer."""
    breaker = Breaker()
    fail(breaker, 0, kind)
    assert not breaker.permits(59)
    assert breaker.permits(60)


@pytest.mark.parametrize("kind", ["bad_request", "content_refused", "context_too_long", "not_found", "cancelled"])
def test_the_callers_faults_never_open(kind: str) -> None:
    """A malformed request or a client that left says nothing about the provider."""
    breaker = Breaker()
    fail(breaker, 0, kind, times=10)
    assert breaker.state(0) == "closed"


def test_rate_limits_rest_for_as_long_as_they_say() -> None:
    """429 with Retry-After opens for that long (at most a minute)."""
    breaker = Breaker()
    breaker.ended(0, breaker.started(0), "rate_limited", 7.0)
    assert not breaker.permits(6.9)
    assert breaker.permits(7)
    breaker.reset()
    breaker.ended(10, breaker.started(10), "rate_limited", 86_400.0)
    assert breaker.permits(70)


def test_rate_limits_that_say_nothing_rest_a_little() -> None:
    """Three in a row open for a second, each failed probe twice as long, but never long: quotas are per minute."""
    breaker = Breaker()
    fail(breaker, 0, "rate_limited", times=2)
    assert breaker.permits(0)
    fail(breaker, 0, "rate_limited")
    now, waits = 0.0, []
    for _ in range(4):
        waits.append(breaker.wait_s(now))
        now += breaker.wait_s(now)
        fail(breaker, now, "rate_limited")
    assert waits == [1, 2, 4, 5]


def test_who_comes_back_gets_its_load_step_by_step() -> None:
    """After a good probe two at a time, then four, eight, ...: no herd runs it over again."""
    breaker = Breaker()
    fail(breaker, 0, times=3)
    breaker.ended(2, breaker.started(2))
    admitted = []
    for _ in range(6):
        probes: list[bool] = []
        while breaker.permits(2) and len(probes) < 100:
            probes.append(breaker.started(2))
        admitted.append(len(probes))
        for number, probe in enumerate(probes):
            breaker.ended(2, probe, "" if number == 0 else "cancelled")
    assert admitted == [2, 4, 8, 16, 32, 100]


def test_a_failure_on_the_ramp_opens_at_once() -> None:
    """It was not well after all. Where nobody else is left, the ramp holds nobody back."""
    breaker = Breaker()
    fail(breaker, 0, times=3)
    breaker.ended(2, breaker.started(2))
    first, second = breaker.started(2), breaker.started(2)
    assert not breaker.permits(2)
    assert breaker.permits(2, last_resort=True)
    breaker.ended(2, first, "server_error")
    assert breaker.state(2) == "open"
    breaker.ended(2, second)


def test_probes_that_fail_together_count_once() -> None:
    """Four on the ramp, all of them in vain: open for the first time span, not for eight times as long."""
    breaker = Breaker()
    fail(breaker, 0, times=3)
    breaker.ended(2, breaker.started(2))
    breaker.ended(2, breaker.started(2))
    probes = [breaker.started(2) for _ in range(4)]
    for probe in probes:
        breaker.ended(3, probe, "slow")
    assert breaker.wait_s(3) == 2


def test_an_answer_from_before_does_not_close_it() -> None:
    """A long stream that ends well after its provider went down proves nothing about now."""
    breaker = Breaker()
    before = breaker.started(0)
    fail(breaker, 0, times=3)
    breaker.ended(1, before)
    assert breaker.state(1) == "open"


def test_what_another_worker_found_out_counts() -> None:
    """Its opening opens, its closing closes with the ramp."""
    breaker = Breaker()
    breaker.open_until(0, 5.0, "connect")
    assert (breaker.state(4.9), breaker.reason) == ("open", "connect")
    breaker.open_until(0, 1.0, "timeout")
    assert breaker.wait_s(0) == 5
    breaker.close()
    assert breaker.permits(0)
    breaker.started(0), breaker.started(0)
    assert not breaker.permits(0)


def test_a_cancelled_probe_gives_its_place_back() -> None:
    """A client that leaves must not block the half-open breaker for ever."""
    breaker = Breaker()
    fail(breaker, 0, times=3)
    breaker.ended(2, breaker.started(2), "cancelled")
    assert breaker.permits(2)


def test_last_resort_admits_one_probe_a_second() -> None:
    """While everything is down an open breaker still lets a request through now and then."""
    breaker = Breaker()
    fail(breaker, 0, times=3)
    fail(breaker, 2)  # open for 4 s now
    assert not breaker.permits(2.5, last_resort=True)
    assert breaker.permits(3, last_resort=True)
    breaker.started(3)
    assert not breaker.permits(4.5, last_resort=True)


def test_an_operators_word_outweighs() -> None:
    """Forced open stays shut, forced closed stays open to traffic."""
    breaker = Breaker()
    breaker.forced = "open"
    assert not breaker.permits(0, last_resort=True)
    fail(breaker, 0, times=9)
    breaker.forced = "closed"
    assert breaker.permits(0)


@pytest.mark.parametrize("told", [0.0, 0.02])
def test_a_retry_after_of_nearly_nothing_is_no_word(told: float) -> None:
    """Twice it is believed; three answers in a row say that it was wrong, so a storm is not sent to all targets."""
    breaker = Breaker()
    for now in (0.0, 1.0):
        breaker.ended(now, breaker.started(now), "rate_limited", told)
        assert breaker.wait_s(now) == pytest.approx(told)
    breaker.ended(2.0, breaker.started(2.0), "rate_limited", told)
    assert breaker.wait_s(2.0) == pytest.approx(1.0)
    breaker.ended(3.0, breaker.started(3.0), "rate_limited", told)
    assert breaker.wait_s(3.0) == pytest.approx(2.0)
    breaker.ended(5.0, breaker.started(5.0))
    breaker.ended(5.0, breaker.started(5.0), "rate_limited", told)
    assert breaker.wait_s(5.0) == pytest.approx(told)
