"""What a simulator is told to do."""

import pytest
from tollhouse.cli.simulator.script import Script, parse_header


def test_header_becomes_a_script() -> None:
    """Numbers, texts and bare names of the header become fields."""
    script = Script().over(parse_header("status=529; first_token_ms=300 ; cut_after=5; hang"))
    assert (script.status, script.first_token_ms, script.cut_after, script.hang) == (529, 300, 5, True)


def test_quoted_text_may_hold_a_semicolon() -> None:
    """A JSON text keeps its semicolon."""
    assert parse_header('text="a; b"; tokens=3') == {"text": "a; b", "tokens": "3"}


def test_later_fields_win_and_others_stay() -> None:
    """A header goes on top of the flags."""
    script = Script(token_ms=5, status=500).over({"status": 429})
    assert (script.status, script.token_ms) == (429, 5)


def test_unknown_field_is_refused_by_name() -> None:
    """A misspelt field is named."""
    with pytest.raises(ValueError, match="statsu"):
        Script().over({"statsu": 500})
