"""Replaces pieces of a request: in plain text by position, in JSON so that it stays JSON, and back into its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from tollhouse.dataplane.guarding.segments import Item, Path, Segment


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters of a segment and what shall stand there."""

    start: int
    end: int
    shown: str


class Unwritable(ValueError):
    """A piece could not be replaced without breaking what is around it."""


def rewrite(segment: Segment, edits: Sequence[Edit]) -> str:
    """The segment's text with its edits. Raises Unwritable."""
    if not segment.writable:
        raise Unwritable("this part of the request cannot be changed")
    ordered = merged(edits)
    if segment.kind in ("json", "object"):
        return _rewrite_json(segment.text, ordered)
    return splice(segment.text, ordered)


def merged(edits: Sequence[Edit]) -> list[Edit]:
    """In order; of those that overlap the longer one, stretched over both."""
    ordered: list[Edit] = []
    for edit in sorted(edits, key=lambda one: (one.start, -one.end)):
        if ordered and edit.start < ordered[-1].end:
            last = ordered[-1]
            longer = last if last.end - last.start >= edit.end - edit.start else edit
            ordered[-1] = Edit(last.start, max(last.end, edit.end), longer.shown)
        else:
            ordered.append(edit)
    return ordered


def splice(text: str, edits: Sequence[Edit]) -> str:
    """Replace by position; the edits are in order and do not overlap."""
    made: list[str] = []
    at = 0
    for edit in edits:
        made += (text[at : edit.start], edit.shown)
        at = edit.end
    made.append(text[at:])
    return "".join(made)


def _rewrite_json(text: str, edits: list[Edit]) -> str:
    """By position where that leaves JSON (what is not touched keeps its bytes), else value by value."""
    inside = [edit if _in_string(text, edit) else Edit(edit.start, edit.end, f'"{edit.shown}"') for edit in edits]
    made = splice(text, inside)
    within = all('"' not in text[edit.start : edit.end].replace('\\"', "") for edit in edits)
    if within and _decodes(made):
        return made
    pairs = [(text[edit.start : edit.end], edit.shown) for edit in edits]
    plain = [(_unescaped(raw), shown) for raw, shown in pairs]
    value = msgspec.json.decode(text)
    changed = _replace_leaves(value, plain)
    if changed == value:
        raise Unwritable("a value could not be replaced inside its JSON")
    return msgspec.json.encode(changed).decode()


def _in_string(text: str, edit: Edit) -> bool:
    """Whether the characters stand inside a JSON string: an odd number of quotation marks comes before them."""
    before = text[: edit.start].replace("\\\\", "").replace('\\"', "")
    return before.count('"') % 2 == 1


def _unescaped(raw: str) -> str:
    try:
        return str(msgspec.json.decode(f'"{raw}"'))
    except ValueError:
        return raw


def _replace_leaves(value: Any, pairs: Sequence[tuple[str, str]]) -> Any:
    if isinstance(value, str):
        for raw, shown in pairs:
            value = value.replace(raw, shown)
        return value
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return next((shown for raw, shown in pairs if raw == str(value)), value)
    if isinstance(value, list):
        return [_replace_leaves(inner, pairs) for inner in value]
    return {name: _replace_leaves(inner, pairs) for name, inner in value.items()}


def _decodes(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def edit_item(item: Item, changes: Sequence[tuple[Segment, str]]) -> bytes:
    """The item with the new texts of some of its segments. Raises Unwritable."""
    value = msgspec.json.decode(item.raw)
    for segment, text in changes:
        new: Any = text
        if segment.kind == "object":
            try:
                new = msgspec.json.decode(text)
            except ValueError:
                raise Unwritable("the edited value is no JSON any more") from None
        value = put(value, segment.path, lambda _, new=new: new)  # type: ignore[misc]
    return msgspec.json.encode(value)


def put(value: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    """Change what stands at a path, in place where there is a path."""
    if not path:
        return change(value)
    holder = value
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = change(holder[path[-1]])
    return value
