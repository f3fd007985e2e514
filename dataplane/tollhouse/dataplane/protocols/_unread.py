"""Fields inside messages, parts and tools that a reader has no place for: named, so that none is lost silently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import methodcaller
from typing import Any

MOST = 16
"""Names told of one request."""

_EMPTY: tuple[Any, ...] = (None, "", [], {})
_OBJECTS = (list, dict)


class Shape:
    """The fields a reader knows of an object, and the shapes of the objects in some of them."""

    __slots__ = ("inner", "known")

    def __init__(self, known: str, **inner: Shape | Kinds) -> None:
        """``known``: names with blanks between them; those of ``inner`` are known too."""
        self.known = frozenset((*known.split(), *inner))
        self.inner = [(name, methodcaller("get", name), shape) for name, shape in inner.items()]


Kinds = Mapping[Any, Shape]
"""Shapes by an object's ``type``; those of kinds that are not here are told of, or refused, as a whole."""


def unread(body: dict[str, Any], fields: Sequence[tuple[str, Shape | Kinds]]) -> list[str]:
    """The unknown fields of a body that was read without a complaint, by their dotted names without indexes."""
    found: list[str] = []
    for name, shape in fields:
        if name in body:
            held = body[name]
            if held.__class__ is list:
                _look(held, shape, name, found)
            elif held.__class__ is dict:
                _look([held], shape, name, found)
    return sorted(found)[:MOST] if found else found


def _look(items: list[dict[str, Any]], shape: Shape | Kinds, where: str, found: list[str]) -> None:
    """All objects of a place at once, because nearly always all are known."""
    if not isinstance(shape, Shape):
        alike: dict[str | None, list[dict[str, Any]]] = {}
        for item in items:
            kind = item.get("type")
            if kind is None or isinstance(kind, str):
                alike.setdefault(kind, []).append(item)
        for kind, several in alike.items():
            if kind in shape:
                _look(several, shape[kind], where, found)
        return
    names: set[str] = set().union(*items)
    if not names <= shape.known:
        _name(items, names - shape.known, where, found)
    for name, get, inner in shape.inner:
        if name in names and not {*map(type, map(get, items))}.isdisjoint(_OBJECTS):
            _look(_flat([get(item) for item in items]), inner, f"{where}.{name}", found)


def _flat(values: list[Any]) -> list[dict[str, Any]]:
    several = [one for value in values if value.__class__ is list for one in value]
    return [one for one in (*several, *values) if one.__class__ is dict]


def _name(items: list[dict[str, Any]], names: set[str], where: str, found: list[str]) -> None:
    told = {name for item in items for name in names.intersection(item) if item[name] not in _EMPTY}
    found += [shown for name in sorted(told)[:MOST] if (shown := f"{where}.{name}") not in found]
