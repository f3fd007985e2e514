"""Brings the audit trails of a node's workers to the control plane, at least once; the files stay where they are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import msgspec
from tollhouse.dataplane.runtime.channels import open_channel
from tollhouse.dataplane.settings import Settings
from tollhouse.proto.admin.v1 import audit_pb2, audit_pb2_grpc

log = logging.getLogger("tollhouse.audit")

POLL_S = 0.5
LARGEST_BATCH = 500
LARGEST_READ = 1 << 20
ACK_TIMEOUT_S = 20.0
LONGEST_PAUSE_S = 30.0


@dataclass(slots=True)
class _Trail:
    """How far one file was shipped."""

    chain: str = ""
    offset: int = 0


class AuditShipping:
    """One per node, in the supervisor. Does nothing without a control plane."""

    def __init__(self, settings: Settings, node_id: str) -> None:
        self._settings = settings
        self._node_id = node_id
        self._folder = Path(settings.state_dir) / "audit"
        self._marks = self._folder / "shipped.json"
        self._trails: dict[str, _Trail] = {}
        self._sequence = 0
        self.failures = 0
        """Times in a row the control plane did not take lines."""

    async def run(self) -> None:
        """Read and ship for ever."""
        if not self._settings.control_plane:
            return
        self._read_marks()
        while True:
            await self._try()
            await asyncio.sleep(POLL_S if not self.failures else min(LONGEST_PAUSE_S, 0.5 * 2 ** min(self.failures, 6)))

    async def flush(self, limit_s: float) -> None:
        """What the ended workers wrote; what is not taken in time is shipped after the next start."""
        if not self._settings.control_plane or self.failures:
            return
        try:
            async with asyncio.timeout(limit_s):
                await self._try()
        except TimeoutError:
            log.info("audit lines wait for the next start")

    async def _try(self) -> None:
        try:
            if any(self._pending(path) for path in self._folder.glob("*.jsonl")):
                await self._ship()
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.FAILED_PRECONDITION:  # keeps no trail: the files are all there is
                self.failures = max(self.failures, 6)
            self._note(str(error.code()))
        except (TimeoutError, OSError) as error:
            self._note(str(error) or type(error).__name__)

    def _note(self, reason: str) -> None:
        self.failures += 1
        if self.failures in (1, 7) or self.failures % 100 == 0:
            log.warning("audit lines wait: the control plane does not take them", extra={"reason": reason})

    async def _ship(self) -> None:
        channel = self._channel()
        outgoing: asyncio.Queue[Any] = asyncio.Queue()
        try:
            stub: Any = audit_pb2_grpc.AuditServiceStub(channel)
            key = self._settings.key_for_control_plane
            metadata = (("x-api-key", key),) if key else ()
            call = stub.Intake(_drain(outgoing), metadata=metadata)
            for path in sorted(self._folder.glob("*.jsonl")):
                while lines := self._lines(path):
                    self._sequence += 1
                    trail = self._trails[path.stem]
                    batch = audit_pb2.AuditBatch(sequence=self._sequence, chain=trail.chain, lines=lines)
                    outgoing.put_nowait(batch)
                    async with asyncio.timeout(ACK_TIMEOUT_S):
                        ack = await call.read()
                    if getattr(ack, "sequence", None) != self._sequence:  # EOF has none
                        raise OSError("the control plane ended the stream")
                    trail.offset += sum(len(line) + 1 for line in lines)
                    self._write_marks()
            self.failures = 0
        finally:
            await channel.close()

    def _pending(self, path: Path) -> bool:
        trail = self._trails.get(path.stem)
        return trail is None or path.stat().st_size > trail.offset

    def _lines(self, path: Path) -> list[bytes]:
        """The next whole lines of a file."""
        with path.open("rb") as file:
            chain = self._chain(path.stem, file.readline())
            if not chain:
                return []
            trail = self._trails.setdefault(path.stem, _Trail(chain))
            if trail.chain != chain:  # another file under the same name
                trail.chain, trail.offset = chain, 0
            file.seek(trail.offset)
            read = file.read(LARGEST_READ)
        whole = read[: read.rfind(b"\n") + 1].split(b"\n")[:-1]
        return whole[:LARGEST_BATCH]

    def _chain(self, stem: str, first: bytes) -> str:
        """Named by its first line too: a state folder that was emptied begins another chain."""
        try:
            return f"{self._node_id}/{stem}/{msgspec.json.decode(first)['hash'][:8]}"
        except (ValueError, KeyError, TypeError):
            return ""

    def _channel(self) -> Any:
        settings = self._settings
        options = [("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", 64 << 20)]
        return open_channel(settings, settings.control_plane, settings.control_plane_ca, options)

    def _read_marks(self) -> None:
        try:
            told = msgspec.json.decode(self._marks.read_bytes(), type=dict[str, tuple[str, int]])
        except (OSError, ValueError):
            return  # everything is shipped again, and stored once
        self._trails = {stem: _Trail(*mark) for stem, mark in told.items()}

    def _write_marks(self) -> None:
        told = {stem: (trail.chain, trail.offset) for stem, trail in self._trails.items()}
        fresh = self._marks.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(told))
        fresh.replace(self._marks)


async def _drain(outgoing: asyncio.Queue[Any]) -> AsyncIterator[Any]:
    while True:
        yield await outgoing.get()
