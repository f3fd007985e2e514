"""The data-plane nodes: who lives, what they have applied, and waiting until all of them have."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
from tollhouse.controlplane.store.store import Store
from tollhouse.proto.fleet import NodeRegistration, decode_registration

_log = logging.getLogger("tollhouse.controlplane.fleet")


@dataclass(frozen=True, slots=True)
class Liveness:
    """Whether every live node has a revision."""

    live: bool
    nodes: tuple[NodeRegistration, ...]
    laggards: tuple[str, ...]
    """Ids of the nodes that have not applied it."""


class Fleet:
    """Reads what the nodes say of themselves under their leases."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def nodes(self) -> tuple[NodeRegistration, ...]:
        """All live nodes, by id."""
        registrations, _ = await self._store.nodes()
        return tuple(_read(registrations))

    async def wait_live(self, revision: int, timeout_s: float) -> Liveness:
        """Returns when every live node has applied the revision, or after the timeout; at once without nodes."""
        registrations, seen = await self._store.nodes()
        try:
            async with asyncio.timeout(timeout_s):
                if not _behind(registrations, revision):
                    return _liveness(registrations, revision)
                async with aclosing(self._store.watch_nodes(seen + 1)) as batches:
                    async for batch in batches:
                        for event in batch.events:
                            if event.deleted:
                                registrations.pop(event.kv.key, None)
                            else:
                                registrations[event.kv.key] = event.kv.value
                        if not _behind(registrations, revision):
                            break
        except TimeoutError:
            pass  # the answer names those that are late
        return _liveness(registrations, revision)


def _liveness(registrations: dict[str, bytes], revision: int) -> Liveness:
    behind = _behind(registrations, revision)
    return Liveness(not behind, tuple(_read(registrations)), tuple(behind))


def _behind(registrations: dict[str, bytes], revision: int) -> list[str]:
    return [node.id for node in _read(registrations) if node.applied_revision < revision and not node.draining]


def _read(registrations: dict[str, bytes]) -> Iterator[NodeRegistration]:
    for key in sorted(registrations):
        try:
            yield decode_registration(registrations[key])
        except msgspec.DecodeError as error:
            _log.warning("registration under %s is not one: %s", key, error)
