"""Finds every metric in the code: what it is called, what it means, and which labels it has.

A family is declared by a call that names it: ``counter("tollhouse_x_total", "What it counts.", ("label",))``. Labels
and buckets must be written so that the module alone says what they are (literals or module constants).
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PARTS = ("dataplane", "controlplane")
_NAME = re.compile(r"(tollhouse|apisix)_[a-z0-9_]+")


@dataclass(frozen=True)
class MetricFamily:
    """One metric."""

    name: str
    text: str
    kind: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...]
    module: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names its series have in a scrape."""
        if self.kind == "histogram":
            return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")
        return (self.name,)


def families() -> list[MetricFamily]:
    """All of them, in order of name. Raises ValueError for a declaration that cannot be read, or two that differ."""
    found: dict[str, MetricFamily] = {}
    for part in PARTS:
        root = ROOT / part
        for path in sorted((root / "tollhouse" / part).rglob("*.py")):
            if path.name.endswith(("_pb2.py", "_pb2_grpc.py")):
                continue
            text = path.read_text()
            if not _NAME.search(text):
                continue
            module = ".".join(path.relative_to(root).with_suffix("").parts)
            for family in _declared(ast.parse(text), module):
                known = found.setdefault(family.name, family)
                if (known.kind, known.labels, known.text) != (family.kind, family.labels, family.text):
                    raise ValueError(f"{family.name} is declared in {known.module} and otherwise in {module}")
    return [found[name] for name in sorted(found)]


def _declared(tree: ast.Module, module: str) -> Iterator[MetricFamily]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        arguments = list(node.args)
        kind = _kind(node.func)
        if not kind and arguments:  # a function that is handed the declaring one
            kind = _kind(arguments.pop(0))
        name = _text(arguments[0]) if arguments else ""
        if not kind or not _NAME.fullmatch(name) or len(arguments) < 3:
            continue
        labels = _evaluated(arguments[2], module, name)
        buckets = _evaluated(arguments[3], module, name) if kind == "histogram" and len(arguments) > 3 else ()
        yield MetricFamily(name, _text(arguments[1]), kind, tuple(labels), tuple(buckets), module)


def _kind(function: ast.expr) -> str:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    plain = name.lstrip("_")
    return plain if plain in ("counter", "gauge", "histogram") else ""


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _evaluated(node: ast.expr, module: str, name: str) -> tuple[Any, ...]:
    try:
        value = eval(compile(ast.Expression(node), module, "eval"), dict(vars(importlib.import_module(module))))
    except NameError as error:
        raise ValueError(f"{name} in {module}: {error}; labels and buckets have to be module constants") from None
    return tuple(value)
