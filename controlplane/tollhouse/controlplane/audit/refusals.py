"""Who was refused what by the Admin API becomes a line of the audit trail: wrong keys, and permissions that lack."""

from __future__ import annotations

import asyncio
import logging

from tollhouse.controlplane.audit.trail import AuditTrail, AuditUnavailable
from tollhouse.controlplane.author import Author

_log = logging.getLogger("tollhouse.controlplane.audit")

MOST_WAITING = 100
"""Lines that wait for the database at a time; more are only logged."""


class Refusals:
    """Writes in the background: nobody who is refused waits for a database. One per process."""

    def __init__(self, trail: AuditTrail | None) -> None:
        self._trail = trail
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, who: Author, what: str, why: str) -> None:
        """``what`` was asked for: a verb and an address, or a gRPC method."""
        _log.warning("refused: %s (%s) from %s by %s: %s: %s", who.name, who.role, who.address, who.via, what, why)
        if self._trail is None or len(self._writing) >= MOST_WAITING:
            return
        task = asyncio.create_task(self._write(self._trail, who, what, why), name="note a refusal")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, trail: AuditTrail, who: Author, what: str, why: str) -> None:
        event = {
            "kind": "permission",
            "actor": who.name,
            "role": who.role,
            "via": who.via,
            "address": who.address,
            "rule": "permission/admin",
            "action": "refuse",
            "what": what,
            "reason": why,
        }
        try:
            await trail.note(event)
        except AuditUnavailable as error:
            _log.debug("a refusal is not in the audit trail: %s", error)

    async def close(self) -> None:
        """Finish what is being written."""
        if self._writing:
            await asyncio.wait(self._writing, timeout=2.0)
