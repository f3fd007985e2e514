"""Finds the secrets in an object by the marks its model carries, and rewrites them in a copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import BaseModel

PluginModel = Callable[[str], type[BaseModel] | None]
"""Gives the model of a plugin's config by the plugin's name, as it is meant where the object stands (in a consumer an
authentication plugin has another one); None when there is no such plugin."""


class Change(NamedTuple):
    """A secret that was found."""

    path: str
    text: str
    mark: str
    """``secret`` or ``digest``."""
    stored: Any
    """What the stored object has in the same place, None when nothing."""


@dataclass(slots=True)
class _Marks:
    """Where secrets are, in the shape of the data. A node without marks below it is not kept."""

    mark: str = ""
    fields: dict[str, _Marks] = field(default_factory=dict)
    others: _Marks | None = None
    """For the values of a free map."""
    items: _Marks | None = None
    recursive: bool = False
    """Stands inside itself: kept without asking what is below."""

    def __bool__(self) -> bool:
        return self.recursive or bool(self.mark or self.fields or self.others or self.items)


def change_secrets(
    value: Any,
    model: type[BaseModel],
    change: Callable[[Change], str],
    plugin_model: PluginModel | None = None,
    stored: Any = None,
) -> Any:
    """A copy of ``value`` with every secret replaced by what ``change`` makes of it; unmarked parts are shared. With
    ``plugin_model`` the configs under ``plugins`` are gone through as well."""
    changed = _change(value, _marks_of(model), change, stored, "", "")
    if plugin_model is None or not isinstance(changed, Mapping) or not isinstance(changed.get("plugins"), Mapping):
        return changed
    old = stored.get("plugins") if isinstance(stored, Mapping) else None
    configs = dict(changed["plugins"])
    for name, config in configs.items():
        inner = plugin_model(name)
        if inner is not None:
            known = old.get(name) if isinstance(old, Mapping) else None
            configs[name] = _change(config, _marks_of(inner), change, known, f"plugins.{name}", "")
    return {**changed, "plugins": configs}


def _change(
    value: Any, marks: _Marks | None, change: Callable[[Change], str], stored: Any, path: str, mark: str
) -> Any:
    """``mark`` is inherited: everything inside a marked field is secret."""
    mark = mark or (marks.mark if marks else "")
    if not mark and not marks:
        return value
    if isinstance(value, str):
        return change(Change(path, value, mark, stored)) if mark else value
    if isinstance(value, Mapping):
        old = stored if isinstance(stored, Mapping) else {}
        return {
            name: _change(item, _inner(marks, name), change, old.get(name), f"{path}.{name}" if path else name, mark)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        items = marks.items if marks else None
        return [
            _change(item, items, change, _counterpart(item, index, stored), f"{path}.{index}", mark)
            for index, item in enumerate(value)
        ]
    return value


def _inner(marks: _Marks | None, name: str) -> _Marks | None:
    return None if marks is None else marks.fields.get(name, marks.others)


def _counterpart(item: Any, index: int, stored: Any) -> Any:
    """The stored item that is meant: the one of the same name or id, else the one at the same position."""
    if not isinstance(stored, list):
        return None
    if isinstance(item, Mapping):
        for key in ("name", "id"):
            if key in item:
                return next((old for old in stored if isinstance(old, Mapping) and old.get(key) == item[key]), None)
    return stored[index] if index < len(stored) else None


# --- from a model's JSON Schema to marks ------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _marks_of(model: type[BaseModel]) -> _Marks | None:
    schema = model.model_json_schema(mode="validation", by_alias=True)
    return _SchemaReader(schema.get("$defs", {})).read(schema) or None


class _SchemaReader:
    """Reads one JSON Schema; models that stand inside themselves become marks that do."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._known: dict[str, _Marks] = {}
        self._open: set[str] = set()

    def read(self, schema: Any) -> _Marks:
        if not isinstance(schema, Mapping):
            return _Marks()
        reference = str(schema.get("$ref", "")).removeprefix("#/$defs/")
        if reference in self._definitions and "secret" not in schema:
            return self._definition(reference)
        options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
        if len(options) == 1 and "secret" not in schema:  # ``X | None`` is read as X itself, which may still be open
            return self.read(options[0])
        marks = _Marks()
        self._read_into(marks, schema)
        return marks

    def _definition(self, name: str) -> _Marks:
        marks = self._known.get(name)
        if marks is None:
            marks = self._known[name] = _Marks()
            self._open.add(name)
            self._read_into(marks, self._definitions[name])
            self._open.discard(name)
        elif name in self._open:
            marks.recursive = True
        return marks

    def _read_into(self, marks: _Marks, schema: Mapping[str, Any]) -> None:
        mark = schema.get("secret")
        if mark:
            marks.mark = "digest" if mark == "digest" else "secret"
        for keyword in ("anyOf", "oneOf", "allOf"):
            for option in schema.get(keyword, ()):
                _merge(marks, self.read(option))
        for name, inner in schema.get("properties", {}).items():
            found = self.read(inner)
            if found:
                marks.fields[name] = found
        marks.others = self.read(schema.get("additionalProperties")) or marks.others
        marks.items = self.read(schema.get("items")) or marks.items


def _merge(into: _Marks, other: _Marks) -> None:
    """What any of several forms marks is marked; the parts of ``other`` are shared, never changed."""
    into.mark = into.mark or other.mark
    into.recursive = into.recursive or other.recursive
    for name, marks in other.fields.items():
        known = into.fields.get(name)
        if known is None:
            into.fields[name] = marks
        elif known is not marks:
            both = _Marks()
            _merge(both, known)
            _merge(both, marks)
            into.fields[name] = both
    into.others = into.others or other.others
    into.items = into.items or other.items
