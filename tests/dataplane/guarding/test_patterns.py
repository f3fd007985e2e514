"""Pattern text to RE2."""

import pytest
from tollhouse.dataplane.guarding.patterns import compile_pattern, expand, loosen, one_edit


@pytest.mark.parametrize("word", ["ignore", "ignre", "ignoore", "ignoer", "igmore"])
def test_one_letter_may_be_wrong(word: str) -> None:
    """Missing, added, changed or swapped."""
    assert compile_pattern("^{{~ignore}}$", {}, loose=False, case=False).search(word)


def test_two_letters_may_not() -> None:
    """Another word is another word."""
    pattern = compile_pattern("^{{~ignore}}$", {}, loose=False, case=False)
    assert not pattern.search("adore")
    assert not pattern.search("ignite")


def test_blanks_are_any_separation() -> None:
    """Outside character classes."""
    pattern = compile_pattern("all previous[ x]rules", {}, loose=True, case=False)
    assert pattern.search("ALL --\n previous rules")
    assert not pattern.search("all previous-rules")
    assert loosen(r"a\ b") == r"a\ b"


def test_macros_nest_and_unknown_ones_are_told() -> None:
    """A macro may use another."""
    assert expand("{{a}}", {"a": "x{{b}}", "b": "y|z"}) == "(?:x(?:y|z))"
    with pytest.raises(ValueError, match="no macro"):
        expand("{{c}}", {})
    with pytest.raises(ValueError, match="nested"):
        expand("{{a}}", {"a": "{{a}}"})
    assert "igno" in one_edit("ignore")
