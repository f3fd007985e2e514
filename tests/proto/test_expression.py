"""Expressions as trees. (What they mean is tested beside the compiler, in the data plane.)"""

from __future__ import annotations

import pytest
from tollhouse.proto.expression import (
    Comparison,
    Group,
    check_expression,
    compile_pattern,
    parse_expression,
    parse_networks,
)


def test_an_expression_becomes_a_tree() -> None:
    rule = [["a", "==", 1], ["OR", ["b", "!", "IN", ["x"]], [["c", "y"], ["d", "~~", "^z"]]]]
    assert parse_expression(rule) == Group(
        "AND",
        (
            Comparison("a", "==", 1),
            Group(
                "OR",
                (
                    Comparison("b", "in", ["x"], negated=True),
                    Group("AND", (Comparison("c", "==", "y"), Comparison("d", "~~", "^z"))),
                ),
            ),
        ),
    )
    assert parse_expression([]) == Group("AND", ())


def test_long_expressions_are_quoted_in_part() -> None:
    with pytest.raises(ValueError) as caught:
        check_expression([["a", "nope", "x" * 1000]])
    assert len(str(caught.value)) < 300


def test_patterns_are_re2() -> None:
    assert compile_pattern("a+", ignore_case=True).search("xAAx") is not None
    for bad in ("(?=a)", r"(a)\1", "[", "a" * 10 + "{1000}" * 5):
        with pytest.raises(ValueError, match="RE2 syntax"):
            compile_pattern(bad)


def test_networks_are_one_or_a_list() -> None:
    assert [str(one) for one in parse_networks(["10.1.2.3/8", "::1"])] == ["10.0.0.0/8", "::1/128"]
    assert [str(one) for one in parse_networks("1.2.3.4")] == ["1.2.3.4/32"]
    for bad in ([], "x", [None], ["1.2.3.4/33"]):
        with pytest.raises(ValueError):
            parse_networks(bad)
