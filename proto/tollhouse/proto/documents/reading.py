"""Documents to objects: APISIX's standalone form, and the shorthands we accept beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tollhouse.proto.documents.marked import BadText, Marked, read_text, substitute
from tollhouse.proto.problems import Problem
from tollhouse.proto.resources import KINDS
from tollhouse.proto.validation import json_type


@dataclass(frozen=True, slots=True)
class DocumentObject:
    """One object as a document has it."""

    kind: str
    """Plural: ``routes``; credentials are a kind of their own."""
    id: str
    """A credential's is ``<username>/<id>``, a secret's ``<manager>/<id>``."""
    value: dict[str, Any]
    """As it was written, without what only said where it belongs."""
    file: str = ""
    line: int = 0
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)
    """Dotted field path -> line."""

    @property
    def where(self) -> str:
        """How problems of it begin: ``routes/1``."""
        return f"{self.kind}/{self.id}"

    def line_of(self, path: str) -> int:
        """The line of a field, or of the nearest one around it."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path.rpartition(".")[0]
        return self.line

    def locate(self, problem: Problem) -> Problem:
        """The problem with file and line, when it is one of this object."""
        if problem.line or not (problem.where == self.where or problem.where.startswith(f"{self.where}.")):
            return problem
        return replace(problem, file=self.file, line=self.line_of(problem.where[len(self.where) + 1 :]))


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a text holds. Objects are complete only when no problem is an error."""

    objects: tuple[DocumentObject, ...] = ()
    kinds: frozenset[str] = frozenset()
    """Kinds the text names, also with an empty list."""
    problems: tuple[Problem, ...] = ()


def parse_documents(text: str | bytes, file: str = "", environment: Mapping[str, str] | None = None) -> Parsed:
    """The objects of a YAML or JSON text, which may hold several documents. ``${{NAME}}`` is filled in only when an
    ``environment`` is given: texts of others must not see ours. Never raises for what the text holds."""
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
        if environment is not None:
            decoded = substitute(decoded, environment)
        documents = read_text(decoded)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return Parsed(problems=(Problem("", "the text is not UTF-8", file=file, line=line),))
    except BadText as error:
        return Parsed(problems=(Problem("", error.what, error.hint, file=file, line=error.line),))
    collector = _Collector(file)
    for document in documents:
        collector.document(document)
    return Parsed(tuple(collector.objects), frozenset(collector.kinds), tuple(collector.problems))


def locate_problems(problems: Iterable[Problem], objects: Iterable[DocumentObject]) -> list[Problem]:
    """The problems with file and line, as far as they are problems of these objects."""
    by_where = {one.where: one for one in objects}
    return [_locate(problem, by_where) for problem in problems]


def _locate(problem: Problem, by_where: Mapping[str, DocumentObject]) -> Problem:
    where = problem.where
    while where:
        if where in by_where:
            return by_where[where].locate(problem)
        where = where.rpartition(".")[0]
    return problem


class _Collector:
    """Gathers the objects and problems of one text."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.objects: list[DocumentObject] = []
        self.kinds: set[str] = set()
        self.problems: list[Problem] = []
        self._seen: dict[tuple[str, str], int] = {}

    def document(self, document: Marked) -> None:
        if not isinstance(document.value, dict):
            self._complain(
                "",
                f"expected a mapping of kinds to lists of objects, came {json_type(document.plain())}",
                document.line,
            )
            return
        for key, section in document.value.items():
            line = document.key_lines.get(key, section.line)
            if key in KINDS and KINDS[key].made_by_nodes:
                hint = "remove them; gatewayctl approvals shows and decides them"
                self._complain(key, f"{key} are not written in documents: nodes open them", line, hint)
            elif key in KINDS and KINDS[key].signs_in:
                hint = "remove them; gatewayctl admins makes and withdraws them"
                self._complain(key, f"{key} are not written in documents: they say who may apply them", line, hint)
            elif key in KINDS and KINDS[key].published:
                hint = "remove them; gatewayctl prices publish writes them"
                self._complain(key, f"{key} are not written in documents: they come with a version", line, hint)
            elif key in KINDS:
                self.kinds.add(key)
                self._section(key, section, line)
            elif key == "plugins":
                self._plugins(section)
            elif key == "stream_routes":
                self._complain(key, "stream mode is disabled, there are no stream routes here", line, "remove them")
            elif not key.endswith("_conf_version"):  # APISIX's own bookkeeping in such documents
                self._complain(key, "unknown kind", line, f"there are {', '.join(KINDS)}")

    def _section(self, kind: str, section: Marked, line: int) -> None:
        if section.value is None:
            return
        if not isinstance(section.value, list):
            self._complain(kind, f"expected a list of objects, came {json_type(section.plain())}", line)
            return
        for index, item in enumerate(section.value):
            if isinstance(item.value, dict):
                _SHAPES.get(kind, _Collector._plain)(self, kind, index, item)
            else:
                place = f"{kind}.{index}"
                self._complain(place, f"expected an object, came {json_type(item.plain())}", item.line)

    # -- one object each

    def _plain(self, kind: str, index: int, item: Marked) -> None:
        """An object with its ``id``."""
        object_id = _text(item, "id")
        if not object_id and kind in _NAMELESS:
            object_id = f"arr_{index + 1}"
            what = f"the {KINDS[kind].singular} has no id and is called {object_id} here"
            hint = "give it one, so that it stays the same object when the list changes"
            self._complain(f"{kind}/{object_id}", what, item.line, hint, "warning")
        if not object_id:
            self._missing(kind, index, item, "id")
            return
        self._add(kind, object_id, item)

    def _consumer(self, kind: str, index: int, item: Marked) -> None:
        """A consumer by its username; its credentials may stand inside. APISIX's own documents list credentials among
        the consumers, by their key in etcd."""
        given = _text(item, "id")
        if "/credentials/" in given:
            username, _, credential_id = given.partition("/credentials/")
            self._add("credentials", f"{username}/{credential_id}", item, drop=("id",))
            return
        username = _text(item, "username") or given
        if not username:
            self._missing(kind, index, item, "username")
            return
        nested = item.value.get("credentials")
        self._add(kind, username, item, drop=("credentials",))
        if nested is None or nested.value is None:
            return
        self.kinds.add("credentials")
        if not isinstance(nested.value, list):
            self._complain(f"{kind}/{username}.credentials", "expected a list of credentials", nested.line)
            return
        for position, inner in enumerate(nested.value):
            credential_id = _text(inner, "id") if isinstance(inner.value, dict) else ""
            if not credential_id:
                where = f"{kind}/{username}.credentials.{position}"
                self._complain(where, "a credential needs an id", inner.line)
                continue
            self._add("credentials", f"{username}/{credential_id}", inner, drop=("consumer",))

    def _credential(self, kind: str, index: int, item: Marked) -> None:
        """A credential by its ``consumer`` and ``id`` (or both in the id)."""
        consumer, given = _text(item, "consumer"), _text(item, "id").replace("/credentials/", "/")
        object_id = f"{consumer}/{given}" if consumer and given and "/" not in given else given
        if "/" not in object_id:
            self._missing(kind, index, item, "id" if consumer else "consumer")
            return
        drop = ("consumer",) if object_id != given else ("consumer", "id")
        self._add(kind, object_id, item, drop=drop)

    def _secret(self, kind: str, index: int, item: Marked) -> None:
        """A secret store by ``<manager>/<id>``."""
        object_id = _text(item, "id")
        if not object_id:
            self._missing(kind, index, item, "id")
            return
        self._add(kind, object_id, item, drop=("id",))

    def _plugins(self, section: Marked) -> None:
        """Top-level ``plugins``: as a mapping, plugins for every request; as a list, APISIX's list of what to load."""
        if isinstance(section.value, list):
            what = "the list of plugins to load is not used: every plugin is there"
            self._complain("plugins", what, section.line, severity="note")
            return
        if not isinstance(section.value, dict):
            self._complain("plugins", "expected a mapping of plugins to configs", section.line)
            return
        for name, item in section.value.items():
            line = section.key_lines.get(name, item.line)
            if item.value is not None and not isinstance(item.value, dict):
                self._complain(f"plugins.{name}", f"expected an object, came {json_type(item.plain())}", line)
                continue
            self._global_plugin(name, item.plain() or {}, line)

    def _global_plugin(self, name: str, config: dict[str, Any], line: int) -> None:
        enabled = config.pop("enable", True)
        metadata = {key: config.pop(key) for key in _METADATA_FIELDS.get(name, ()) if key in config}
        config = config if enabled else {**config, "_meta": {"disable": True}}
        self.kinds.add("global_rules")
        self._put(DocumentObject("global_rules", name, {"id": name, "plugins": {name: config}}, self.file, line))
        note = f"written as global_rules/{name}"
        if metadata:
            self.kinds.add("plugin_metadata")
            self._put(DocumentObject("plugin_metadata", name, {"id": name, **metadata}, self.file, line))
            note += f" and plugin_metadata/{name}"
        self._complain(f"plugins.{name}", note, line, severity="note")

    # -- gathering

    def _add(self, kind: str, object_id: str, item: Marked, drop: tuple[str, ...] = ()) -> None:
        value = {key: inner.plain() for key, inner in item.value.items() if key not in drop}
        lines = dict(item.lines())
        self._put(DocumentObject(kind, object_id, value, self.file, item.line, lines))

    def _put(self, found: DocumentObject) -> None:
        self.kinds.add(found.kind)
        first = self._seen.get((found.kind, found.id))
        if first is not None:
            what = f"there are two {found.kind} with the id {found.id!r}, the first in line {first}"
            self._complain(found.where, what, found.line, "give one of them another id")
            return
        self._seen[found.kind, found.id] = found.line
        self.objects.append(found)

    def _missing(self, kind: str, index: int, item: Marked, name: str) -> None:
        self._complain(f"{kind}.{index}", f"the {KINDS[kind].singular} has no {name}", item.line, f"add {name}: ...")

    def _complain(self, where: str, what: str, line: int, hint: str = "", severity: Any = "error") -> None:
        self.problems.append(Problem(where, what, hint, severity, self.file, line))


_NAMELESS = frozenset({"routes", "services", "upstreams", "ssls", "global_rules"})
"""Kinds whose objects APISIX's documents often leave without an id."""

_METADATA_FIELDS = {"prometheus": ("export_uri", "metric_prefix", "disabled_labels")}
"""What stands in a top-level plugin's config and belongs to its metadata."""

_SHAPES: dict[str, Callable[[_Collector, str, int, Marked], None]] = {
    "consumers": _Collector._consumer,
    "credentials": _Collector._credential,
    "secrets": _Collector._secret,
}


def _text(item: Marked, name: str) -> str:
    """A field as text: ids may be written as numbers."""
    found = item.value.get(name)
    if found is None or isinstance(found.value, bool) or not isinstance(found.value, str | int):
        return ""
    return str(found.value)
