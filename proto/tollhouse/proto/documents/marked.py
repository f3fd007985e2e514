"""YAML and JSON text to plain data, with the line of every value; whatever is wrong is one problem with its line.

Values follow YAML 1.2's core schema, so that ``no`` and ``22:22`` stay text. Refused is what a config has no use for
and an attacker has: duplicate keys, tags of programming languages, aliases that multiply, bottomless nesting.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

MAX_DEPTH = 64
MAX_REPEATED = 100_000
"""Values that aliases may repeat in one text, all together."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_MAX_DIGITS = 300
_INT = re.compile(r"[-+]?[0-9]+\Z")
_OTHER_INT = re.compile(r"0o([0-7]+)\Z|0x([0-9a-fA-F]+)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_TAGS = ("tag:yaml.org,2002:str", "!")
_TAGGED: dict[str, tuple[type, ...]] = {
    "tag:yaml.org,2002:int": (int,),
    "tag:yaml.org,2002:float": (float,),
    "tag:yaml.org,2002:bool": (bool,),
    "tag:yaml.org,2002:null": (type(None),),
}


@dataclass(slots=True)
class Marked:
    """One value and where it begins. Containers hold marked values; ``key_lines`` is where each key stands."""

    value: Any
    line: int
    key_lines: dict[str, int] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value as plain data."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value

    def lines(self, path: str = "") -> Iterator[tuple[str, int]]:
        """The line of every path below, dotted."""
        if isinstance(self.value, dict):
            for key, item in self.value.items():
                inner = f"{path}.{key}" if path else key
                yield inner, self.key_lines.get(key, item.line)
                yield from item.lines(inner)
        elif isinstance(self.value, list):
            for index, item in enumerate(self.value):
                inner = f"{path}.{index}" if path else str(index)
                yield inner, item.line
                yield from item.lines(inner)


class BadText(ValueError):
    """The text cannot be read."""

    def __init__(self, what: str, line: int = 0, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.line = line
        self.hint = hint


def read_text(text: str) -> list[Marked]:
    """The documents of a text. Raises BadText."""
    if text.lstrip()[:1] not in ("{", "["):
        return read_yaml(text)
    try:
        return [read_json(text)]
    except _NotJson as error:
        if _SURELY_JSON.match(text):
            raise
        try:
            return read_yaml(text)  # YAML's flow style begins like JSON
        except BadText:
            raise error from None


def plain_scalar(text: str) -> Any:
    """What an unquoted YAML scalar means."""
    if _NULL.match(text):
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.match(text) and len(text) <= _MAX_DIGITS:
        return int(text)
    other = _OTHER_INT.match(text)
    if other:
        return int(other[1], 8) if other[1] else int(other[2], 16)
    if _FLOAT.match(text):
        return float(text)
    if _NOT_FINITE.match(text):
        return float(text.lower().replace(".", ""))
    return text


def _check_text(text: str, line: int) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise BadText("a text holds half a character (a lone surrogate)", line) from None


# --- YAML -------------------------------------------------------------------------------------------------------------


def read_yaml(text: str) -> list[Marked]:
    """The documents of a YAML text; empty ones are left out. Raises BadText."""
    try:
        reader = _YamlReader(yaml.parse(text, Loader=_LOADER))
        return [document for document in reader.documents() if document.value is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadText(f"not valid YAML: {error.problem or error.context}", mark.line + 1 if mark else 0) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BadText(f"not valid YAML: the character #x{_code(error.character):02x} is not allowed", line) from None


def _code(character: Any) -> int:
    return character if isinstance(character, int) else ord(character[:1] or "\0")


class _YamlReader:
    """Builds values from parser events, so that limits hold while reading and not after."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[Marked, int]] = {}
        self._nodes = 0
        self._repeated = 0

    def documents(self) -> Iterator[Marked]:
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                self._anchors.clear()
                yield self._node(next(self._events), 0)

    def _node(self, event: Event, depth: int) -> Marked:
        line = _line(event)
        if isinstance(event, AliasEvent):
            return self._alias(event.anchor or "", line)
        if depth > MAX_DEPTH:
            raise BadText(f"nested more than {MAX_DEPTH} deep", line)
        before = self._nodes
        self._nodes += 1
        if isinstance(event, ScalarEvent):
            marked = Marked(_scalar(event, line), line)
        elif isinstance(event, MappingStartEvent):
            marked = self._mapping(event, line, depth)
        else:
            assert isinstance(event, SequenceStartEvent)
            _check_tag(event.tag, "tag:yaml.org,2002:seq", line)
            items = []
            while not isinstance(inner := next(self._events), CollectionEndEvent):
                items.append(self._node(inner, depth + 1))
            marked = Marked(items, line)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = (marked, self._nodes - before)
        return marked

    def _alias(self, name: str, line: int) -> Marked:
        found = self._anchors.get(name)
        if found is None:
            raise BadText(f"the alias *{name} refers to nothing (or to what it stands in)", line)
        marked, size = found
        self._nodes += size
        self._repeated += size
        if self._repeated > MAX_REPEATED:
            raise BadText(f"the aliases repeat more than {MAX_REPEATED} values", line, "write them out")
        return marked

    def _mapping(self, event: MappingStartEvent, line: int, depth: int) -> Marked:
        _check_tag(event.tag, "tag:yaml.org,2002:map", line)
        values: dict[str, Marked] = {}
        lines: dict[str, int] = {}
        merged: list[Marked] = []
        while not isinstance(inner := next(self._events), CollectionEndEvent):
            key_line = _line(inner)
            if not isinstance(inner, ScalarEvent):
                raise BadText("the key of a mapping must be plain text", key_line)
            item = self._node(next(self._events), depth + 1)
            if inner.value == "<<" and inner.implicit[0]:
                merged += _merge_sources(item)
                continue
            if inner.value in values:
                raise BadText(
                    f"the key {inner.value!r} stands twice in one mapping, first in line {lines[inner.value]}", key_line
                )
            values[inner.value] = item
            lines[inner.value] = key_line
        for source in merged:  # earlier sources win, and what is written out wins over all
            for key, item in source.value.items():
                if key not in values:
                    values[key] = item
                    lines[key] = source.key_lines.get(key, item.line)
        return Marked(values, line, lines)


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 0


def _merge_sources(item: Marked) -> list[Marked]:
    sources = item.value if isinstance(item.value, list) else [item]
    if not all(isinstance(source.value, dict) for source in sources):
        raise BadText("<< merges mappings only", item.line)
    return sources


def _scalar(event: ScalarEvent, line: int) -> Any:
    _check_text(event.value, line)
    if event.tag in _TAGS:
        return event.value
    if event.tag is not None:
        value = plain_scalar(event.value)
        if event.tag == "tag:yaml.org,2002:float" and type(value) is int:
            return float(value)
        if not isinstance(value, _TAGGED.get(event.tag, ())) or isinstance(value, bool) != event.tag.endswith(":bool"):
            raise BadText(f"the tag {event.tag} is not supported here", line, "remove it")
        return value
    if not event.implicit[0]:
        return event.value
    value = plain_scalar(event.value)
    if isinstance(value, float) and not math.isfinite(value):
        raise BadText(f"{event.value} is not a number JSON can hold", line)
    return value


def _check_tag(tag: str | None, allowed: str, line: int) -> None:
    if tag not in (None, "!", allowed):
        raise BadText(f"the tag {tag} is not supported here", line, "remove it")


# --- JSON -------------------------------------------------------------------------------------------------------------


class _NotJson(BadText):
    """The text is no JSON; it may still be YAML."""


_SURELY_JSON = re.compile(r'\s*[{\[]\s*["{\[]')
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+|\n|[ \t\r]+', re.DOTALL)


def read_json(text: str) -> Marked:
    """The value of a JSON text. Raises BadText."""
    _check_depth(text)
    try:
        value = json.loads(text, object_pairs_hook=_Pairs, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _NotJson(f"not valid JSON: {error.msg} (column {error.colno})", error.lineno) from None
    except BadText:
        raise
    except ValueError:  # Python bounds the digits of a number
        raise BadText("a number is too large") from None
    return _mark(value, _values(text))


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object, duplicates and all."""


def _refuse_constant(name: str) -> Any:
    raise BadText(f"{name} is not a number JSON can hold")


def _check_depth(text: str) -> None:
    depth, line = 0, 1
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise BadText(f"nested more than {MAX_DEPTH} deep", line)
        elif token in "}]":
            depth -= 1
        line += token.count("\n")


def _values(text: str) -> Iterator[int]:
    """The line of each key and each value, in the order of the text."""
    line = 1
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token == "\n":
            line += 1
        elif token not in "}],:" and not token.isspace():
            yield line


def _mark(value: Any, lines: Iterator[int]) -> Marked:
    line = next(lines)
    if isinstance(value, _Pairs):
        values: dict[str, Marked] = {}
        key_lines: dict[str, int] = {}
        for key, inner in value:
            key_line = next(lines)
            _check_text(key, key_line)
            if key in values:
                raise BadText(f"the key {key!r} stands twice in one object, first in line {key_lines[key]}", key_line)
            values[key] = _mark(inner, lines)
            key_lines[key] = key_line
        return Marked(values, line, key_lines)
    if isinstance(value, list):
        return Marked([_mark(inner, lines) for inner in value], line)
    if isinstance(value, float) and not math.isfinite(value):
        raise BadText("a number is too large", line)
    if isinstance(value, str):
        _check_text(value, line)
    return Marked(value, line)


# --- variables of the environment -------------------------------------------------------------------------------------

_VARIABLE = re.compile(r"\$\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?::=(.*?))?\}\}")


def substitute(text: str, environment: Mapping[str, str]) -> str:
    """``${{NAME}}`` and ``${{NAME:=default}}`` by the environment, as APISIX does, in the text before it is read.
    Comments are left alone. Raises BadText naming the variable that is not set."""
    if "${{" not in text:
        return text
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if "${{" in line and not line.lstrip().startswith("#"):
            lines[index] = _VARIABLE.sub(lambda found, at=index + 1: _variable(found, environment, at), line)  # type: ignore[misc]
    return "\n".join(lines)


def _variable(found: re.Match[str], environment: Mapping[str, str], line: int) -> str:
    name, default = found[1], found[2]
    value = environment.get(name, default.strip() if default is not None else None)
    if value is None:
        raise BadText(f"the environment variable {name} is not set", line, f"set it, or write ${{{{{name}:=default}}}}")
    return value
