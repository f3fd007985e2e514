"""What a budget and a stop may say, and what is refused with its remedy."""

import json
from typing import Any

import pytest
from pydantic import ValidationError
from tollhouse.proto.resources import KINDS, Budget, Stop


def budget(**fields: Any) -> Budget:
    return Budget.model_validate_json(json.dumps({"unit": "usd", "amount": 10, "window": "day", **fields}))


def test_amounts_are_exact() -> None:
    """Dollars become whole nano-USD without a float in between."""
    assert budget(amount=0.1).units == 100_000_000
    assert budget(amount="2.000000001").units == 2_000_000_001
    assert budget(unit="tokens", amount=1000).units == 1000


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"amount": 0}, "above 0"),
        ({"amount": 10_000_000}, "at most 9000000 usd"),
        ({"unit": "tokens", "amount": 1.5}, "whole numbers"),
        ({"on_exceed": "queue", "max_wait_s": 0}, "0 is no queue"),
        ({"on_exceed": "queue", "suggested_grant": 1}, "only with on_exceed 'escalate'"),
        ({"max_waiting": 5}, "only with on_exceed 'queue' or 'escalate'"),
        ({"timezone": "Mars/Olympus"}, "is not a time zone"),
        ({"window": "total", "rolling": True}, "rolling"),
        ({"rolling": True, "timezone": "Europe/Berlin"}, "no calendar"),
        ({"downgrade_to": "small"}, "only with on_exceed 'downgrade'"),
        ({"count": "input"}, "no meaning with unit 'usd'"),
        ({"scope": {"tag": "team"}}, "name=value"),
        ({"scope": {"agent": "a"}}, "agent"),
        ({"thresholds": [0]}, "thresholds"),
    ],
)
def test_what_has_no_effect_is_refused(fields: dict[str, Any], told: str) -> None:
    """Nothing is accepted that would do nothing."""
    with pytest.raises(ValidationError) as error:
        budget(**fields)
    assert told in str(error.value)


def test_how_long_requests_wait_depends_on_what_for() -> None:
    """For room half a minute, for an operator five; both can be said."""
    assert [budget(on_exceed=how).wait_s for how in ("reject", "queue", "escalate")] == [0, 30, 300]
    assert budget(on_exceed="escalate", max_wait_s=0).wait_s == 0


def test_a_budget_of_nobody_is_found_out() -> None:
    """Who a budget or a stop is for must exist; ``each`` is nobody's name."""
    scope = {"consumer": "coder", "consumer_group": "each", "route": "r"}
    found = [(one.path, one.kind, one.id) for one in KINDS["budgets"].referenced({"scope": scope})]
    assert found == [("scope.consumer", "consumers", "coder"), ("scope.route", "routes", "r")]
    assert [one.kind for one in KINDS["stops"].referenced({"consumer": "coder"})] == ["consumers"]


def test_a_stop_names_exactly_one() -> None:
    """A consumer, a group, or everyone."""
    assert Stop.model_validate({"consumer": "coder"}).consumer == "coder"
    for wrong in ({}, {"consumer": "coder", "everyone": True}):
        with pytest.raises(ValidationError):
            Stop.model_validate(wrong)
