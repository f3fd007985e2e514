"""Admin changes become lines of the chain, and every now and then a seal names where all chains end.

A change is read from the history entry that its own etcd transaction wrote, so there is none without one: with the
database down, or this process dead, the lines are made up for afterwards.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tollhouse.controlplane.audit.lines import epoch_ms
from tollhouse.controlplane.audit.trail import AuditTrail, AuditUnavailable
from tollhouse.controlplane.service.refusal import Refusal
from tollhouse.controlplane.store.history import Entry, ObjectChange, digest
from tollhouse.controlplane.store.objects import encode_value
from tollhouse.controlplane.store.store import Store

_log = logging.getLogger("tollhouse.controlplane.audit")

POLL_S = 1.0
MOST_NAMES = 40
"""Names of changed fields a line has."""


class AdminChain:
    """One per process; several keep the same chain, the database lets each revision in once."""

    def __init__(self, store: Store, trail: AuditTrail, seal_every_s: float) -> None:
        self._store = store
        self._trail = trail
        self._seal_every_s = seal_every_s
        trail.written_down = store.audit_ends
        self._generation = -1
        self._sealed: dict[str, tuple[int, str]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow."""
        self._task = asyncio.create_task(self._run(), name="audit chain")

    async def close(self) -> None:
        """Stop following; what is missing is made up for by whoever comes next."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._seal_every_s
        while True:
            try:
                await self.follow()
                if loop.time() >= due:
                    due = loop.time() + self._seal_every_s
                    await self.seal()
            except (AuditUnavailable, Refusal) as error:
                _log.debug("the audit chain waits: %s", error)
            except Exception:
                _log.exception("the audit chain could not be continued; it is tried again")
            await asyncio.sleep(POLL_S)

    async def follow(self) -> None:
        """Write down what was changed since the last line."""
        generation = await self._store.generation()
        if generation == self._generation:
            return
        entries = await self._store.history()
        # Not by the revision alone: it begins again when etcd was wiped.
        known = await self._trail.changes_since(epoch_ms(_moment(entries[-1]))) if entries else set()
        for place in reversed(range(len(entries))):
            entry = entries[place]
            if (entry.revision, epoch_ms(_moment(entry))) not in known:
                await self._trail.note(await self._told(entry, entries[:place]))
        self._generation = generation

    async def seal(self) -> None:
        """Name the end of every chain, unless nothing was added since the last seal."""
        ends = await self._trail.ends()
        if not ends or ends == self._sealed:
            return
        await self._trail.note(
            {"kind": "seal", "rule": "seal", "action": "seal", "actor": "control plane", "ends": ends}
        )
        sealed = await self._trail.ends()
        await self._store.keep_audit_ends(self._trail.sealed(sealed))
        self._sealed = sealed

    async def _told(self, entry: Entry, newer: tuple[Entry, ...]) -> dict[str, Any]:
        changes = [await self._change(change, newer) for change in entry.changes]
        kinds = sorted({change.kind for change in entry.changes})
        actions = {change.action for change in entry.changes}
        return {
            "time": _moment(entry),
            "kind": "admin",
            "actor": entry.author.name,
            "role": entry.author.role,
            "via": entry.author.via,
            "address": entry.author.address,
            "rule": f"admin/{kinds[0]}" if len(kinds) == 1 else "admin/several",
            "action": actions.pop() if len(actions) == 1 else "change",
            "purpose": entry.purpose,
            "revision": entry.revision,
            "changes": changes,
        }

    async def _change(self, change: ObjectChange, newer: tuple[Entry, ...]) -> dict[str, Any]:
        """Digests before and after, and the names of the fields that differ: never a value."""
        told: dict[str, Any] = {"kind": change.kind, "id": change.id, "action": change.action}
        if change.before is not None:
            told["before"] = digest(encode_value(change.before))
        if change.digest:
            told["after"] = change.digest
        if change.action == "update" and change.before is not None:
            after = await self._after(change, newer)
            if after is not None:
                told["fields"] = changed_fields(change.before, after)[:MOST_NAMES]
        return told

    async def _after(self, change: ObjectChange, newer: tuple[Entry, ...]) -> Mapping[str, Any] | None:
        """The object as the write left it: what the next write found, or what is stored."""
        for entry in reversed(newer):
            for later in entry.changes:
                if (later.kind, later.id) == (change.kind, change.id):
                    return later.before
        stored = await self._store.get(change.kind, change.id)
        return stored.value if stored is not None else None


def _moment(entry: Entry) -> str:
    return datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="milliseconds")


def changed_fields(before: Any, after: Any, place: str = "", depth: int = 6) -> list[str]:
    """Paths of the fields that differ, without their values."""
    if before == after:
        return []
    if depth and isinstance(before, Mapping) and isinstance(after, Mapping):
        return [
            path
            for name in sorted({*before, *after})
            if name != "update_time"
            for path in changed_fields(
                before.get(name), after.get(name), f"{place}.{name}" if place else name, depth - 1
            )
        ]
    return [place]
