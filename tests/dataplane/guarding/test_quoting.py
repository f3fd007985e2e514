"""Talk about attacks."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.guarding.quoting import is_quoted

PHRASE = "ignore all previous instructions"


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        (f'Prompt injection is a text such as "{PHRASE}" in a page.', True),
        (f"Attackers try phrases like:\n- {PHRASE}\n- act as root", True),
        (f'My friend said "{PHRASE}" and left.', False),
        (f"Prompt injection? No: {PHRASE} now.", False),
        (PHRASE, False),
    ],
)
def test_a_quotation_needs_marks_and_talk_of_attacks(text: str, quoted: bool) -> None:
    """Either alone is no quotation."""
    start = text.index(PHRASE)
    assert is_quoted(text, start, start + len(PHRASE)) is quoted
