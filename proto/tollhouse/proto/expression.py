"""The expressions of ``vars`` and ``_meta.filter``: lua-resty-expr's language, parsed and checked.

A list of comparisons that must all hold, each ``[name, operator, value]`` or ``[name, "!", operator, value]``; lists
may be nested, and a list that starts with ``AND``, ``OR``, ``!AND`` or ``!OR`` says how its members are joined.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import re2

LogicOp = Literal["AND", "OR", "!AND", "!OR"]

OPERATORS = ("==", "~=", ">", ">=", "<", "<=", "~~", "~*", "in", "has", "ipmatch")
_LOGIC: dict[str, LogicOp] = {"AND": "AND", "OR": "OR", "!AND": "!AND", "!OR": "!OR"}
_MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of a variable with a value."""

    name: str
    op: str
    value: Any
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Comparisons and groups, joined."""

    op: LogicOp
    items: tuple[Comparison | Group, ...]


def parse_expression(rule: Any) -> Group:
    """The expression as a tree. Raises ValueError with a sentence that quotes the part at fault."""
    if not isinstance(rule, Sequence) or isinstance(rule, str):
        raise ValueError(f'an expression is a list like [["arg_x", "==", "1"]], came {rule!r}')
    if not rule:
        return Group("AND", ())
    first = rule[0]
    if isinstance(first, str) and first.upper() not in _LOGIC:
        raise ValueError(f"an expression is a list of comparisons: write [{_quote(rule)}] instead of {_quote(rule)}")
    parsed = _parse(rule, 0)
    return parsed if isinstance(parsed, Group) else Group("AND", (parsed,))


def check_expression(rule: Any) -> None:
    """Raises ValueError when the expression cannot be parsed or one of its patterns or addresses is wrong."""
    parse_expression(rule)


def _parse(rule: Any, depth: int) -> Comparison | Group:
    if depth > _MAX_DEPTH:
        raise ValueError(f"the expression is nested more than {_MAX_DEPTH} deep")
    if not isinstance(rule, Sequence) or isinstance(rule, str) or not rule:
        raise ValueError(f'expected a comparison like ["arg_x", "==", "1"], came {_quote(rule)}')
    first = rule[0]
    if isinstance(first, Sequence) and not isinstance(first, str):
        return Group("AND", tuple(_parse(item, depth + 1) for item in rule))
    if isinstance(first, str) and first.upper() in _LOGIC:
        if len(rule) < 3:
            raise ValueError(f"{first} joins at least two comparisons: {_quote(rule)}")
        return Group(_LOGIC[first.upper()], tuple(_parse(item, depth + 1) for item in rule[1:]))
    return _comparison(rule)


def _comparison(rule: Sequence[Any]) -> Comparison:
    negated = False
    if len(rule) == 4:
        if rule[1] != "!":
            raise ValueError(f"bad 'not' expression {_quote(rule)}: the second of four members must be \"!\"")
        negated = True
        name, op, value = rule[0], rule[2], rule[3]
    elif len(rule) == 3:
        name, op, value = rule
    elif len(rule) == 2 and rule[1] not in OPERATORS:
        name, op, value = rule[0], "==", rule[1]  # lua-resty-expr's older short form
    else:
        raise ValueError(f"a comparison is [name, operator, value], came {_quote(rule)}")
    if not isinstance(name, str) or not name:
        raise ValueError(f"the first member of {_quote(rule)} must be the name of a variable")
    op = op.lower() if isinstance(op, str) else op
    if op not in OPERATORS:
        raise ValueError(f"invalid operator {op!r} in {_quote(rule)}; there are {' '.join(OPERATORS)}")
    _check_value(op, value, rule)
    return Comparison(name, op, value, negated)


def _check_value(op: str, value: Any, rule: Sequence[Any]) -> None:
    if op in ("~~", "~*"):
        compile_pattern(value, ignore_case=op == "~*")
    elif op == "in" and not isinstance(value, list | tuple):
        raise ValueError(f"in needs a list of values: {_quote(rule)}")
    elif op == "ipmatch":
        parse_networks(value)


def compile_pattern(pattern: Any, *, ignore_case: bool = False) -> Any:
    """A linear-time regular expression (RE2). Raises ValueError saying what is wrong with it."""
    if not isinstance(pattern, str):
        raise ValueError(f"a regular expression is a string, came {_quote(pattern)}")
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False
    options.max_mem = 8 << 20
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        detail = error.args[0] if error.args else error
        detail = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else detail
        raise ValueError(
            f"{pattern!r} is not a regular expression of this gateway: {detail} "
            "(RE2 syntax: no look-around, no back-references)"
        ) from None


def parse_networks(value: Any) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Addresses and CIDR ranges, one or a list. Raises ValueError naming the one that is wrong."""
    networks = []
    for item in value if isinstance(value, list | tuple) else [value]:
        try:
            networks.append(ipaddress.ip_network(item, strict=False))
        except (ValueError, TypeError):
            raise ValueError(f"{item!r} is not an IP address or CIDR range") from None
    if not networks:
        raise ValueError("ipmatch needs at least one address or range")
    return networks


def _quote(value: Any) -> str:
    text = repr(list(value)) if isinstance(value, list | tuple) else repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
