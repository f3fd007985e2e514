"""What several policies leave."""

from __future__ import annotations

from tollhouse.dataplane.permitted import ALLOWED, confine, is_allowed

from tests.support.prompts import exchange


def test_policies_narrow_one_another() -> None:
    """Each must allow; what one forbids is forbidden in any case of letters."""
    ex = exchange({})
    assert is_allowed("any", ex.state.get(ALLOWED))
    for patterns in (["*", "!o1*"], ["gpt-*", "o1-mini"], ["*-mini"]):
        confine(ex, ALLOWED, patterns)
    names = ("gpt-5-mini", "o1-mini", "O1-mini", "gpt-5", "claude-mini")
    assert [name for name in names if is_allowed(name, ex.state[ALLOWED])] == ["gpt-5-mini"]
