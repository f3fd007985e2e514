"""Keys, ranges, transactions and watch batches as plain data; the wire's messages stay inside this package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Comparison = Literal["==", "!=", "<", ">"]


@dataclass(frozen=True, slots=True)
class KeyValue:
    """One key as it stands in etcd."""

    key: str
    value: bytes
    create_revision: int
    mod_revision: int
    version: int
    """Writes since it was created, counted from 1."""
    lease: int = 0


@dataclass(frozen=True, slots=True)
class RangeResult:
    """What a read gave."""

    kvs: tuple[KeyValue, ...]
    """In the order of their keys."""
    revision: int
    """The revision the read saw: a watch goes on from the next one."""
    count: int = 0
    """Keys in the whole range, also when ``kvs`` was limited."""


@dataclass(frozen=True, slots=True)
class PutResult:
    """What a put inside a transaction gave; its revision is the transaction's."""


@dataclass(frozen=True, slots=True)
class DeleteResult:
    """What a delete inside a transaction gave."""

    deleted: int


@dataclass(frozen=True, slots=True)
class TxnResult:
    """What a transaction gave: one response per operation of the branch that ran."""

    succeeded: bool
    """The comparisons held and ``success`` ran; else ``failure`` did."""
    responses: tuple[RangeResult | PutResult | DeleteResult | TxnResult, ...]
    revision: int
    """etcd's revision after it: the mod_revision of everything it wrote."""


@dataclass(frozen=True, slots=True)
class Compare:
    """One condition of a transaction. Build it with the constructors; for a missing key all numbers are 0."""

    key: str
    target: Literal["mod", "create", "version", "value"]
    op: Comparison
    operand: int | bytes

    @classmethod
    def mod(cls, key: str, op: Comparison, revision: int) -> Compare:
        """The key's last write; ``mod(key, "==", 0)`` holds when it does not exist."""
        return cls(key, "mod", op, revision)

    @classmethod
    def create(cls, key: str, op: Comparison, revision: int) -> Compare:
        """The revision that created the key."""
        return cls(key, "create", op, revision)

    @classmethod
    def version(cls, key: str, op: Comparison, version: int) -> Compare:
        """The number of writes since it was created."""
        return cls(key, "version", op, version)

    @classmethod
    def value(cls, key: str, op: Comparison, value: bytes) -> Compare:
        """The value itself, compared as bytes."""
        return cls(key, "value", op, value)

    @classmethod
    def exists(cls, key: str) -> Compare:
        """The key is there."""
        return cls(key, "create", ">", 0)

    @classmethod
    def missing(cls, key: str) -> Compare:
        """The key is not there."""
        return cls(key, "create", "==", 0)


@dataclass(frozen=True, slots=True)
class Op:
    """One operation of a transaction. Build it with the constructors. etcd allows 128 per level; nest for more."""

    kind: Literal["put", "get", "delete", "txn"]
    key: str = ""
    prefix: bool = False
    content: bytes = b""
    lease: int = 0
    keys_only: bool = False
    limit: int = 0
    compares: tuple[Compare, ...] = ()
    success: tuple[Op, ...] = ()
    failure: tuple[Op, ...] = ()

    @classmethod
    def put(cls, key: str, value: bytes, *, lease: int = 0) -> Op:
        """Write a key."""
        return cls("put", key, content=value, lease=lease)

    @classmethod
    def get(cls, key: str, *, prefix: bool = False, keys_only: bool = False, limit: int = 0) -> Op:
        """Read a key, or everything under a prefix; answered with a RangeResult."""
        return cls("get", key, prefix, keys_only=keys_only, limit=limit)

    @classmethod
    def delete(cls, key: str, *, prefix: bool = False) -> Op:
        """Delete a key, or everything under a prefix; answered with a DeleteResult."""
        return cls("delete", key, prefix)

    @classmethod
    def txn(cls, compares: tuple[Compare, ...], success: tuple[Op, ...], failure: tuple[Op, ...] = ()) -> Op:
        """A transaction inside the transaction; answered with a TxnResult. It may not write a key written outside."""
        return cls("txn", compares=compares, success=success, failure=failure)


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One change. Of a deleted key only ``key`` and ``mod_revision`` (of the deletion) are meaningful."""

    deleted: bool
    kv: KeyValue


@dataclass(frozen=True, slots=True)
class WatchBatch:
    """Changes that belong together: whole revisions, in order."""

    revision: int
    """The last revision in it: a watch goes on from the next one."""
    events: tuple[WatchEvent, ...]


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """What one endpoint says of itself."""

    endpoint: str
    version: str
    db_size: int
    revision: int
    member_id: int
    leader_id: int
    """0 while there is no leader: nothing can be written then."""
    errors: tuple[str, ...] = ()
    """Standing alarms, e.g. NOSPACE."""
