"""Compiles ``vars`` and ``_meta.filter`` expressions once, to a function that is asked per request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tollhouse.dataplane.engine.addresses import AddressSet
from tollhouse.proto.expression import Comparison, Group, compile_pattern, parse_expression

Lookup = Callable[[str], Any]
"""Gives the value of a variable: a string, number, list, or None when there is none."""

Predicate = Callable[[Lookup], bool]


def compile_expression(rule: Any) -> Predicate:
    """The function that says whether the expression holds. Raises ValueError with a sentence naming the part at fault.
    An empty expression always holds."""
    return _group(parse_expression(rule))


def _group(group: Group) -> Predicate:
    members = tuple(_group(item) if isinstance(item, Group) else _comparison(item) for item in group.items)
    if group.op == "AND" and len(members) == 1:
        return members[0]
    if group.op == "AND":
        return lambda lookup: all(member(lookup) for member in members)
    if group.op == "OR":
        return lambda lookup: any(member(lookup) for member in members)
    if group.op == "!AND":
        return lambda lookup: not all(member(lookup) for member in members)
    return lambda lookup: not any(member(lookup) for member in members)


def _comparison(comparison: Comparison) -> Predicate:
    name, test = comparison.name, _TESTS[comparison.op](comparison.value)
    if comparison.negated:
        return lambda lookup: not test(lookup(name))
    return lambda lookup: test(lookup(name))


# --- the operators: from the value written to a test of the value found -----------------------------------------------

Test = Callable[[Any], bool]


def _equal(wanted: Any) -> Test:
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return lambda found: _number(found) == wanted
    return lambda found: _text(found, wanted) == wanted


def _unequal(wanted: Any) -> Test:
    equal = _equal(wanted)
    return lambda found: not equal(found)


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[Any], Test]:
    def compile_test(wanted: Any) -> Test:
        bound = _number(wanted)
        if bound is None:
            return lambda found: False

        def test(found: Any) -> bool:
            number = _number(found)
            return number is not None and compare(number, bound)

        return test

    return compile_test


def _matches(*, ignore_case: bool) -> Callable[[Any], Test]:
    def compile_test(pattern: Any) -> Test:
        search = compile_pattern(pattern, ignore_case=ignore_case).search

        def test(found: Any) -> bool:
            if found is None or isinstance(found, list | dict):
                return False
            try:
                return search(found if isinstance(found, str) else _shown(found)) is not None
            except UnicodeEncodeError:  # bytes that are no UTF-8, carried as surrogates
                return False

        return test

    return compile_test


def _within(wanted: Any) -> Test:
    values = list(wanted)
    return lambda found: any(_text(found, value) == value for value in values)


def _has(wanted: Any) -> Test:
    return lambda found: isinstance(found, list | tuple) and wanted in found


def _ip_matches(wanted: Any) -> Test:
    addresses = AddressSet(wanted if isinstance(wanted, list | tuple) else [wanted])
    return lambda found: isinstance(found, str) and found in addresses


_TESTS: dict[str, Callable[[Any], Test]] = {
    "==": _equal,
    "~=": _unequal,
    ">": _ordered(lambda found, wanted: found > wanted),
    ">=": _ordered(lambda found, wanted: found >= wanted),
    "<": _ordered(lambda found, wanted: found < wanted),
    "<=": _ordered(lambda found, wanted: found <= wanted),
    "~~": _matches(ignore_case=False),
    "~*": _matches(ignore_case=True),
    "in": _within,
    "has": _has,
    "ipmatch": _ip_matches,
}


def _number(value: Any) -> float | None:
    """As Lua's ``tonumber``: numbers, and text that is one."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and value[-1:] not in ("", "n", "N", "f", "F", "y", "Y") and "_" not in value:
        try:
            return float(value)
        except ValueError:
            return None
    return None


def _text(found: Any, wanted: Any) -> Any:
    """nginx variables are text, some of ours are numbers: compared with text they are their text."""
    if isinstance(wanted, str) and isinstance(found, int | float):
        return _shown(found)
    return found


def _shown(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
