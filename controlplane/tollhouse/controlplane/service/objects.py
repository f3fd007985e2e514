"""What the service layer takes and gives: objects as they may be shown, and what a write did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tollhouse.proto.problems import Problem


@dataclass(frozen=True, slots=True)
class Shown:
    """One object, its secrets masked."""

    kind: str
    id: str
    key: str
    value: dict[str, Any]
    create_revision: int
    mod_revision: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of objects."""

    objects: tuple[Shown, ...]
    total: int
    """On all pages."""
    revision: int


@dataclass(frozen=True, slots=True)
class Written:
    """What a put, post or patch did."""

    object: Shown
    created: bool
    revision: int
    problems: tuple[Problem, ...] = ()
    """Notes and warnings."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a delete did."""

    key: str
    count: int
    revision: int


Action = Literal["create", "update", "delete", "unchanged"]


@dataclass(frozen=True, slots=True)
class Change:
    """What applying a document set does (or would do) to one object; values are masked."""

    action: Action
    kind: str
    id: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did. With errors among the problems nothing was written and ``revision`` is 0."""

    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """One change seen by a watch; the first one of a watch is ``started``."""

    type: Literal["started", "put", "delete"]
    revision: int
    object: Shown | None = None
