"""Configuration on its way to the workers: raw objects and batches of changes, as every config source gives them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec


class RawObject(msgspec.Struct, frozen=True, array_like=True):
    """One object as it is stored."""

    kind: str
    """Plural, as in the etcd directory: ``routes``; credentials are a kind of their own."""
    id: str
    value: bytes
    """JSON."""
    mod_revision: int
    create_revision: int = 0


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """Changes that become visible together."""

    revision: int
    """The revision of the source after this batch. May be lower than before when ``full``: etcd was restored."""
    full: bool
    """``puts`` is everything there is: what is not in it is gone."""
    puts: tuple[RawObject, ...] = ()
    deletes: tuple[tuple[str, str], ...] = ()
    """``(kind, id)`` pairs."""
    source: str = "etcd"
    """``etcd``, ``file``, or ``cache`` (the last good configuration from disk)."""


class ConfigSource(Protocol):
    """Where configuration comes from. The first batch is full."""

    def batches(self) -> AsyncIterator[Batch]:
        """Batches for ever; the source survives its own outages and never raises for them."""

    @property
    def last_heard_s(self) -> float:
        """Monotonic seconds when the source last proved to be alive; what readiness calls age is counted from here."""

    async def close(self) -> None: ...
