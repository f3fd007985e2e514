"""What is kept of every write, in the write's own transaction: who, when, and how each object was before.

The object as it is afterwards is not kept again: it is what the next entry has as its before, or what is stored now. A
digest tells whether that is still true. Values are kept as they are stored, secrets sealed.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from tollhouse.controlplane.author import Author
from tollhouse.proto import keys
from tollhouse.proto.etcd import KeyValue
from tollhouse.proto.resources import KINDS

KEPT = 1000
"""Entries that are kept; older ones go."""


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """One object's part in a write."""

    kind: str
    id: str
    action: Literal["create", "update", "delete"]
    before: dict[str, Any] | None
    digest: str
    """Of the object as it was stored by the write; empty for a deletion."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One write."""

    revision: int
    at: float
    """Epoch seconds."""
    author: Author
    purpose: str
    changes: tuple[ObjectChange, ...]


def digest(stored: bytes) -> str:
    """Of an object's JSON as it stands in etcd."""
    return hashlib.sha256(stored).hexdigest()[:32]


def encode_entry(
    prefix: str,
    before: Mapping[str, dict[str, Any] | None],
    puts: Mapping[str, bytes],
    at: float,
    who: Author,
    purpose: str,
) -> bytes | None:
    """The entry of a transaction; None when it touches no object. ``before``: by key, what stood there."""
    changes = []
    for key in dict.fromkeys((*before, *puts)):
        place = keys.split_key(prefix, key)
        if place is None or place[0] not in KINDS:
            continue
        old, new = before.get(key), puts.get(key)
        if old is None and new is None:
            continue
        action = "delete" if new is None else "update" if old is not None else "create"
        changes.append([*place, action, old, digest(new) if new is not None else ""])
    if not changes:
        return None
    told = {"at": at, "author": [who.name, who.role, who.via, who.address], "purpose": purpose, "changes": changes}
    return zlib.compress(orjson.dumps(told), 6)


def decode_entry(kv: KeyValue) -> Entry | None:
    """The entry under a key; None for what is none."""
    try:
        told = orjson.loads(zlib.decompress(kv.value))
        changes = tuple(ObjectChange(*change) for change in told["changes"])
        return Entry(kv.create_revision, told["at"], Author(*told["author"]), told["purpose"], changes)
    except (zlib.error, orjson.JSONDecodeError, KeyError, TypeError):
        return None
