"""The last good configuration on disk: a node starts from it when etcd is down."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tollhouse.dataplane.config.objects import Batch
from tollhouse.proto.sealing import Sealer, SealingError

log = logging.getLogger("tollhouse.cache")

_FORMAT = 1
_NONCE_BYTES = 12


class StoredConfig(msgspec.Struct, frozen=True):
    """A configuration and when it was written (epoch seconds)."""

    batch: Batch
    saved_at: float


class _File(msgspec.Struct, frozen=True):
    format: int
    origin: str
    saved_at: float
    digest: bytes
    sealed_key: str
    """The key ``content`` is encrypted with, itself sealed with the operator's; empty when there is none of these."""
    content: bytes


class ConfigCache:
    """One file, written off the event loop, whole or not at all. Only the newest configuration is written: calls that
    come while a write is under way, or shortly after one, are answered by the next write."""

    def __init__(self, path: Path, origin: str, sealing_key: str = "", pause_s: float = 1.0) -> None:
        """``origin`` says what it is a copy of (the etcd prefix, say): a file of another origin is not used."""
        self._path = path
        self._origin = origin
        self._sealer = Sealer.from_text(sealing_key)
        self._pause_s = pause_s
        self._wanted: Callable[[], Batch] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def save_soon(self, content: Callable[[], Batch]) -> None:
        """Write what ``content`` gives (a full batch) when the writer gets to it."""
        self._wanted = content
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all(), name="config-cache")

    async def load(self) -> StoredConfig | None:
        """What was stored last; None when there is nothing, or nothing that can be read (the log says why)."""
        return await asyncio.to_thread(self._load)

    async def close(self) -> None:
        """Write what is still to be written."""
        self._closing.set()
        if self._writer is not None:
            await self._writer

    async def _write_all(self) -> None:
        while self._wanted is not None:
            batch, self._wanted = self._wanted(), None
            try:
                await asyncio.to_thread(self._store, batch)
            except OSError as error:
                log.error("configuration not kept on disk: %s", error, extra={"path": str(self._path)})
            try:
                await asyncio.wait_for(self._closing.wait(), self._pause_s)
            except TimeoutError:
                continue

    def _store(self, batch: Batch) -> None:
        plain = msgspec.msgpack.encode(batch)
        key, content = "", plain
        if self._sealer.key_ids:
            file_key, nonce = secrets.token_bytes(32), os.urandom(_NONCE_BYTES)
            key = self._sealer.seal(file_key.hex())
            content = nonce + AESGCM(file_key).encrypt(nonce, plain, self._origin.encode())
        digest = hashlib.sha256(content).digest()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(self._path.name + ".new")
        # Readable by the node's user alone: even without inline secrets it tells who may do what.
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.msgpack.encode(_File(_FORMAT, self._origin, time.time(), digest, key, content)))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _load(self) -> StoredConfig | None:
        try:
            file = msgspec.msgpack.decode(self._path.read_bytes(), type=_File)
            if file.format != _FORMAT or file.origin != self._origin:
                log.warning("configuration on disk is not ours", extra={"origin": file.origin, "format": file.format})
                return None
            batch = msgspec.msgpack.decode(self._open(file), type=Batch)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, SealingError, InvalidTag, ValueError) as error:
            log.error("configuration on disk cannot be used: %s", error, extra={"path": str(self._path)})
            return None
        return StoredConfig(Batch(batch.revision, True, batch.puts, (), "cache"), file.saved_at)

    def _open(self, file: _File) -> bytes:
        if hashlib.sha256(file.content).digest() != file.digest:
            raise ValueError("it is damaged")
        if not file.sealed_key:
            return file.content
        key = bytes.fromhex(self._sealer.open(file.sealed_key))
        nonce, content = file.content[:_NONCE_BYTES], file.content[_NONCE_BYTES:]
        return AESGCM(key).decrypt(nonce, content, self._origin.encode())
