"""What an apply did or would do, for people and for scripts."""

from __future__ import annotations

import difflib
import json
from typing import Any

from tollhouse.cli import render

_WORDS = {"CREATE": ("create", "green"), "UPDATE": ("update", "yellow"), "DELETE": ("delete", "red")}


def action(change: Any) -> str:
    """``create``, ``update``, ``delete`` or ``unchanged``."""
    from tollhouse.proto.admin.v1 import config_pb2

    return str(config_pb2.Change.Action.Name(change.action)).lower()


def as_data(changes: Any) -> list[dict[str, Any]]:
    """Changes for scripts."""
    return [{"action": action(change), "kind": change.kind, "id": change.id} for change in changes]


def summary(changes: Any) -> str:
    """``2 created, 1 unchanged``."""
    counts: dict[str, int] = {}
    for change in changes:
        counts[action(change)] = counts.get(action(change), 0) + 1
    names = {"create": "created", "update": "updated", "delete": "deleted", "unchanged": "unchanged"}
    return ", ".join(f"{counts[name]} {shown}" for name, shown in names.items() if name in counts) or "nothing to do"


def show(changes: Any) -> None:
    """One line per object that changes."""
    console = render.out()
    for change in changes:
        word, colour = _WORDS.get(action(change).upper(), ("unchanged", "dim"))
        console.print(f"[{colour}]{word:9}[/] {render.plain(change.kind)}/{render.plain(change.id)}")


def show_difference(change: Any, names: tuple[str, str] = ("stored", "applied")) -> None:
    """One object before and after, as a unified diff of YAML."""
    before, after = _lines(change.before_json), _lines(change.after_json)
    name = f"{change.kind}/{change.id}"
    console = render.out()
    for line in difflib.unified_diff(before, after, f"{names[0]} {name}", f"{names[1]} {name}", lineterm="", n=2):
        colour = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
        console.print(f"[{colour}]{render.plain(line)}[/]")


def _lines(document: bytes) -> list[str]:
    if not document:
        return []
    import yaml

    value = json.loads(document)
    for name in ("create_time", "update_time"):
        value.pop(name, None)
    return str(yaml.safe_dump(value, sort_keys=True, allow_unicode=True, width=110)).splitlines()
