"""Document sets: several files as one set of objects, each with its place in its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tollhouse.proto.documents import DocumentObject, parse_documents
from tollhouse.proto.problems import Problem


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or standard input."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class DocumentSet:
    """All objects of all documents. They are complete only when no problem is an error."""

    objects: tuple[DocumentObject, ...]
    kinds: frozenset[str]
    """Kinds named in the documents, also those with an empty list."""
    problems: tuple[Problem, ...]


def read_sources(sources: Sequence[Source]) -> DocumentSet:
    """Never raises for what the documents hold."""
    objects: dict[tuple[str, str], DocumentObject] = {}
    problems: list[Problem] = []
    kinds: set[str] = set()
    for source in sources:
        parsed = parse_documents(source.content, source.name)
        problems += parsed.problems
        kinds |= parsed.kinds
        for found in parsed.objects:
            first = objects.setdefault((found.kind, found.id), found)
            if first is not found:
                problems.append(_twice(found, first))
    return DocumentSet(tuple(objects.values()), frozenset(kinds), tuple(problems))


def _twice(found: DocumentObject, first: DocumentObject) -> Problem:
    place = f"{first.file}:{first.line}" if first.file else f"line {first.line}"
    return found.locate(Problem(found.where, f"the object stands twice, first in {place}", "remove one of them"))
