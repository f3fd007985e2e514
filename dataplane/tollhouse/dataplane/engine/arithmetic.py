"""Arithmetic that users write into configs: numbers, names, ``+ - * / % ^``, a few functions. Never Python itself."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping

Formula = Callable[[Mapping[str, float]], float]
"""Computes the value from the names' values; a name that is missing is 0."""

LONGEST = 1000
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "ceil": math.ceil,
    "floor": math.floor,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "max": max,
    "min": min,
    "pow": math.pow,
    "fmod": math.fmod,
}
_MATH = re.compile(r"\bmath\.(?=[a-z])")


def compile_formula(text: str) -> Formula:
    """Read a formula; ``math.floor(x)`` and ``floor(x)`` are the same. Raises ValueError naming what is not allowed."""
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    # Lua's power is Python's **, with the same precedence; math.x is how APISIX's users write functions.
    written = _MATH.sub("", text).replace("^", "**")
    try:
        tree = ast.parse(written.strip(), mode="eval")
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise ValueError(f"not an arithmetic expression: {getattr(error, 'msg', error)}") from None
    return _compile(tree.body)


def compute(formula: Formula, values: Mapping[str, float]) -> int:
    """The value, rounded and at least 0; what cannot be computed (a division by 0) counts as 0."""
    try:
        value = formula(values)
    except (ArithmeticError, ValueError):
        return 0
    return max(0, round(value)) if math.isfinite(value) else 0


def _compile(node: ast.expr) -> Formula:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        constant = float(node.value)
        return lambda values: constant
    if isinstance(node, ast.Name):
        name = node.id
        return lambda values: values.get(name, 0.0)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        act, left, right = _OPERATORS[type(node.op)], _compile(node.left), _compile(node.right)
        return lambda values: act(left(values), right(values))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _compile(node.operand)
        return (lambda values: -inner(values)) if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.Call):
        return _compile_call(node)
    raise ValueError(f"{ast.unparse(node)!r} is not allowed; use numbers, usage fields, + - * / % ^ and parentheses")


def _compile_call(node: ast.Call) -> Formula:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    function = _FUNCTIONS.get(name)
    if function is None or node.keywords or not node.args:
        allowed = ", ".join(sorted(_FUNCTIONS))
        raise ValueError(f"{ast.unparse(node)!r} is not allowed; the functions are {allowed}")
    arguments = [_compile(argument) for argument in node.args]

    def call(values: Mapping[str, float]) -> float:
        try:
            return float(function(*(argument(values) for argument in arguments)))
        except TypeError as error:
            raise ValueError(str(error)) from None

    return call
