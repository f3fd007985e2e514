"""What a worker knows of one target."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.dispatch.choosing.target_state import TargetState
from tollhouse.dataplane.engine.breaker import Breaker


def state(model: str = "m") -> TargetState:
    """A target nobody has used yet."""
    return TargetState("a", model, Breaker())


def end(one: TargetState, kind: str = "", retry_after_s: float | None = None, took_s: float | None = None) -> bool:
    """A try that ended like this."""
    return one.end(0.0, one.begin(0.0), kind, retry_after_s, took_s)


def test_latency_is_smoothed() -> None:
    """The first figure counts whole, later ones in part."""
    one = state()
    for seconds in (1.0, 2.0):
        end(one, took_s=seconds)
    assert one.first_byte_s == 1.3
    assert one.in_flight == 0


@pytest.mark.parametrize(
    ("kind", "target", "account"),
    [
        ("auth", "closed", "open"),
        ("quota", "closed", "open"),
        ("no_access", "closed", "closed"),
        ("rate_limited", "closed", "closed"),
        ("bad_request", "closed", "closed"),
    ],
)
def test_one_failure_shuts_what_it_concerns(kind: str, target: str, account: str) -> None:
    """A dead key the account; a single refusal, limit or bad request nothing."""
    one = state()
    end(one, kind)
    assert (one.breaker.state(0.0), one.account.state(0.0)) == (target, account)
    assert one.state(0.0) == ("open" if "open" in (target, account) else "closed")


def test_a_model_the_key_may_not_use_is_left_alone_after_three_refusals() -> None:
    """Not its account; and one answer in between shows that it is not the model."""
    one = state()
    for kind in ("no_access", "no_access", "", "no_access", "no_access"):
        end(one, kind)
    assert one.state(0.0) == "closed"
    end(one, "no_access")
    assert (one.breaker.state(0.0), one.account.state(0.0)) == ("open", "closed")


def test_an_operators_word_counts_until_it_is_taken_back() -> None:
    """Whatever was found out."""
    one = state()
    one.force("open")
    assert one.shut(0.0) == "an operator keeps it shut"
    one.force("reset")
    end(one, "auth")
    assert "failed: auth" in one.shut(0.0)
    one.force("close")
    assert one.shut(0.0) == ""
    assert one.report(0.0)["forced"] == "closed"
