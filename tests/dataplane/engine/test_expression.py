"""The expressions of vars."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.engine.expression import compile_expression

VALUES: dict[str, Any] = {
    "arg_name": "json",
    "arg_age": "18",
    "arg_float": "1.5",
    "arg_empty": "",
    "http_user_agent": "Mozilla/5.0 (X11)",
    "remote_addr": "10.1.2.3",
    "list": ["a", "b"],
    "llm_total_tokens": 7,
    "flag": True,
}


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ([], True),
        ([["arg_name", "==", "json"]], True),
        ([["arg_name", "json"]], True),
        ([["arg_name", "~=", "json"]], False),
        ([["missing", "==", None]], True),
        ([["missing", "~=", "x"]], True),
        ([["arg_age", "==", 18]], True),
        ([["arg_age", "==", "18"]], True),
        ([["arg_age", "~=", 18]], False),
        ([["arg_name", "~=", 18]], True),
        ([["arg_age", ">", 17]], True),
        ([["arg_age", ">", "17"]], True),
        ([["arg_age", ">=", 18]], True),
        ([["arg_age", "<", 18]], False),
        ([["arg_age", "<=", 18]], True),
        ([["arg_float", "<", 2]], True),
        ([["arg_name", ">", 1]], False),
        ([["missing", "<", 1]], False),
        ([["arg_name", ">", "x"]], False),
        ([["llm_total_tokens", "==", "7"]], True),
        ([["llm_total_tokens", ">", 6]], True),
        ([["flag", "==", True]], True),
        ([["flag", "==", "true"]], True),
        ([["http_user_agent", "~~", "^Mozilla/[0-9]"]], True),
        ([["http_user_agent", "~~", "mozilla"]], False),
        ([["http_user_agent", "~*", "mozilla"]], True),
        ([["http_user_agent", "!", "~~", "curl"]], True),
        ([["missing", "~~", ".*"]], False),
        ([["arg_name", "in", ["xml", "json"]]], True),
        ([["arg_name", "IN", ["xml"]]], False),
        ([["arg_name", "!", "in", ["xml"]]], True),
        ([["list", "has", "a"]], True),
        ([["list", "has", "c"]], False),
        ([["arg_name", "has", "json"]], False),
        ([["remote_addr", "ipmatch", ["10.1.0.0/16", "::1"]]], True),
        ([["remote_addr", "ipmatch", "10.2.0.0/16"]], False),
        ([["arg_name", "==", "json"], ["arg_age", ">", 20]], False),
        (["OR", ["arg_name", "==", "xml"], ["arg_age", "==", 18]], True),
        (["AND", ["arg_name", "==", "json"], ["arg_age", "==", 18]], True),
        (["!AND", ["arg_name", "==", "json"], ["arg_age", "==", 18]], False),
        (["!or", ["arg_name", "==", "xml"], ["arg_age", "==", 19]], True),
        ([["arg_name", "==", "json"], ["OR", ["arg_age", "==", 1], ["!AND", ["flag", "==", 1], ["x", "==", 2]]]], True),
    ],
)
def test_holds_as_lua_resty_expr_says(rule: Any, holds: bool) -> None:
    assert compile_expression(rule)(VALUES.get) is holds


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("x", "an expression is a list"),
        (["arg_x", "==", "1"], "write [['arg_x', '==', '1']] instead"),
        ([["arg_x", "===", "1"]], "invalid operator '==='"),
        ([["arg_x"]], "[name, operator, value]"),
        ([["arg_x", "no", "==", "1"]], "bad 'not' expression"),
        ([[1, "==", "1"]], "must be the name of a variable"),
        ([["a", "~~", "("]], "missing )"),
        ([["a", "~~", "(?=x)"]], "no look-around"),
        ([["a", "~~", 1]], "a regular expression is a string"),
        ([["a", "in", "b"]], "in needs a list"),
        ([["a", "ipmatch", ["10.0.0.0/64"]]], "is not an IP address"),
        (["OR", ["a", "==", "b"]], "joins at least two"),
        ([["AND"]], "joins at least two"),
        ([[]], "expected a comparison"),
        ([None], "a comparison is"),
    ],
)
def test_a_wrong_expression_is_refused_with_a_sentence(rule: Any, complaint: str) -> None:
    with pytest.raises(ValueError) as caught:
        compile_expression(rule)
    assert complaint in str(caught.value)


def test_too_deep_nesting_is_refused() -> None:
    rule: Any = [["a", "==", "b"]]
    for _ in range(100):
        rule = [rule]
    with pytest.raises(ValueError, match="nested more than"):
        compile_expression(rule)


def test_text_that_is_no_utf8_matches_no_pattern() -> None:
    assert compile_expression([["a", "~~", "."]])({"a": "\udcff"}.get) is False


def test_a_hostile_pattern_takes_linear_time() -> None:
    predicate = compile_expression([["a", "~~", "^(a+)+$"]])
    assert predicate({"a": "a" * 100_000 + "b"}.get) is False
