"""What is stored, and what a change of it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from tollhouse.proto.etcd import KeyValue


@dataclass(frozen=True, slots=True)
class Stored:
    """One object as it stands in etcd, its secrets sealed. The value is this holder's own and may be changed."""

    kind: str
    id: str
    key: str
    value: dict[str, Any]
    create_revision: int
    mod_revision: int
    lease: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """Everything under the prefix at one revision."""

    objects: Mapping[tuple[str, str], Stored]
    """By kind and id."""
    revision: int
    generation: int
    """mod_revision of the generation key when the view was read: a commit can be made conditional on it."""

    def of_kind(self, *kinds: str) -> list[Stored]:
        """The objects of the kinds, kind by kind in the order asked for."""
        return [item for kind in kinds for item in self.objects.values() if item.kind == kind]


@dataclass(frozen=True, slots=True)
class Commit:
    """One transaction: what is written and deleted, and what must hold for it."""

    puts: Mapping[str, bytes] = field(default_factory=dict)
    """Key to value."""
    before: Mapping[str, dict[str, Any] | None] = field(default_factory=dict)
    """What stood under the keys that are written or deleted, for the history."""
    deletes: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    """Prefixes under which everything is deleted."""
    released: Mapping[str, bytes] = field(default_factory=dict)
    """Keys deleted only where they hold this value; where they do not, the rest is written all the same."""
    unmoved: Mapping[str, int] = field(default_factory=dict)
    """Keys that must stand at this mod_revision; 0: must not exist."""
    exist: tuple[str, ...] = ()
    """Keys that must exist."""
    generation: int | None = None
    """What the generation key's mod_revision must be: nobody wrote since it was read."""
    lease: int = 0
    recorded: bool = True
    """Whether the history has it."""


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """An entry for the index of callers' keys that is missing there, and what was seen when that was found."""

    key: str
    held: bytes
    known: int
    """mod_revision of the entry it replaces, 0 for none."""
    owner: str
    """Key of the object that owns the caller's key."""
    owner_revision: int


def decode_object(kind: str, object_id: str, kv: KeyValue) -> Stored | None:
    """The object in a key, or None when its value is no JSON object (placeholders, and what others put there)."""
    try:
        value = orjson.loads(kv.value)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict):
        return None
    return Stored(kind, object_id, kv.key, value, kv.create_revision, kv.mod_revision, kv.lease)


def encode_value(value: dict[str, Any]) -> bytes:
    """The JSON stored for an object."""
    return orjson.dumps(value)
