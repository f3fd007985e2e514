"""A refusal carries what the dialects need."""

from tollhouse.cli.simulator.ask import Refusal


def test_refusal_carries_status_code_and_field() -> None:
    """Status, text, code and field, each by its name."""
    refusal = Refusal(400, "no", code="c", param="p")
    assert (refusal.status, refusal.message, refusal.code, refusal.param, str(refusal)) == (400, "no", "c", "p", "no")
