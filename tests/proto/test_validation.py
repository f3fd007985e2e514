"""pydantic's findings in our words."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from tollhouse.proto.validation import explain_validation, json_type


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    count: int = Field(default=0, ge=0)
    mode: Literal["a", "b"] = "a"
    api_key: str = ""
    items: list[int] = []
    flag: bool = False

    @field_validator("count")
    @classmethod
    def _not_thirteen(cls, value: int) -> int:
        if value == 13:
            raise ValueError("13 brings bad luck")
        return value


class Outer(BaseModel):
    inner: Inner


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ({"count": "7"}, "error: x.inner.count: expected an integer, came '7'"),
        ({"count": None}, "error: x.inner.count: expected an integer, came null"),
        ({"count": -1}, "error: x.inner.count: Input should be greater than or equal to 0, came the number -1"),
        ({"count": 13}, "error: x.inner.count: 13 brings bad luck"),
        ({"mode": "c"}, "error: x.inner.mode: expected 'a' or 'b', came 'c'"),
        ({"items": {}}, "error: x.inner.items: expected a list, came an object"),
        ({"items": [True]}, "error: x.inner.items.0: expected an integer, came true"),
        ({"flag": "yes"}, "error: x.inner.flag: expected true or false, came 'yes'"),
        ({"flag": "y" * 100}, "error: x.inner.flag: expected true or false, came a string of 100 characters"),
        ({"coun": 1}, "error: x.inner.coun: unknown field (remove it, or check its spelling)"),
        ({"api_key": 12345}, "error: x.inner.api_key: expected a string, came a number"),
        (7, "error: x.inner: expected an object, came the number 7"),
    ],
)
def test_a_problem_names_the_field_what_came_and_what_was_expected(inner: Any, expected: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"inner": inner})
    assert [str(problem) for problem in explain_validation(caught.value, "x")] == [expected]


def test_all_findings_are_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"inner": {"count": "a", "mode": 1, "nope": 0}})
    assert len(explain_validation(caught.value, "")) == 3


def test_broken_json_is_one_problem() -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate_json(b'{"inner": ')
    (problem,) = explain_validation(caught.value, "x")
    assert problem.what.startswith("not valid JSON: EOF")


def test_json_types_have_their_names() -> None:
    values = [None, True, "", 1, 1.5, [], {}]
    names = ["null", "a boolean", "a string", "a number", "a number", "a list", "an object"]
    assert [json_type(value) for value in values] == names
