"""What the fields of several kinds have in common."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from tollhouse.proto.resources.fields import Resource, id_error, is_reference, username_error
from tollhouse.proto.validation import explain_validation


@pytest.mark.parametrize("good", ["a", "A-1_.b", "x" * 64, 1, "007"])
def test_ids_are_short_words_or_whole_numbers(good: object) -> None:
    assert id_error(good) == ""
    assert Resource.model_validate({"id": good}).id == str(good)


@pytest.mark.parametrize(
    "trick",
    [
        "a\n",
        "a\r\nX: y",
        "a\x00",
        "ad\u200bmin",
        "\u0430dmin",
        "\uff41dmin",
        "a\u2028",
        "a\u202e",
        "a%0a",
        "..",
        ".",
        "../b",
    ],
)
def test_ids_have_no_line_ends_look_alikes_or_invisible_signs(trick: str) -> None:
    """What looks like another object's id is none."""
    assert id_error(trick)
    assert username_error(trick)


@pytest.mark.parametrize("bad", ["", "x" * 65, "a b", "a/b", "é", 0, -1, True, 1.5, []])
def test_other_ids_are_refused_with_a_sentence(bad: object) -> None:
    assert "id" in id_error(bad)
    with pytest.raises(ValidationError) as caught:
        Resource.model_validate({"id": bad})
    (problem,) = explain_validation(caught.value, "routes/1")
    assert problem.where == "routes/1.id"


def test_usernames() -> None:
    assert username_error("agent_1-x") == ""
    assert all(username_error(bad) for bad in ("", "a.b", "a b", "x" * 257, 7, None))


def test_references_are_told_from_values() -> None:
    assert all(map(is_reference, ["$env://A", "$ENV://A", "$secret://vault/1/k", "$sealed://x/y"]))
    assert not any(map(is_reference, ["", "$", "$host", "env://A", "sk-1", "$envy://"]))
