"""Document sets as objects with the place in the file each came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tollhouse.proto.problems import Problem
from tollhouse.proto.resources import Kind


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or standard input."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a document set."""

    kind: Kind
    id: str
    value: dict[str, Any]
    where: str
    """How problems of it begin: ``routes/1``."""
    locate: Callable[[Problem], Problem]
    """Adds file and line to a problem of it."""


@dataclass(frozen=True, slots=True)
class DocumentSet:
    """All objects of all documents."""

    items: tuple[Item, ...]
    kinds: frozenset[str]
    """Kinds named in the documents, also those with an empty list."""
    problems: tuple[Problem, ...]


def read_sources(sources: Sequence[Source]) -> DocumentSet:
    return DocumentSet((), frozenset(), ())
