"""A watch that outlives its connections: resumed at the next revision, checked against the history it knows."""

from __future__ import annotations

import asyncio
import logging
import random
import time

from tollhouse.proto.etcd import connection as rpc
from tollhouse.proto.etcd import messages as pb
from tollhouse.proto.etcd import wire
from tollhouse.proto.etcd.connection import Connection, Stream
from tollhouse.proto.etcd.errors import (
    Compacted,
    EtcdError,
    EtcdPermissionDenied,
    EtcdUnavailable,
    Restored,
)
from tollhouse.proto.etcd.model import KeyValue, WatchBatch

log = logging.getLogger("tollhouse.etcd")

_FIRST_DELAY_S = 0.05
_LONGEST_DELAY_S = 2.0
_LONGEST_SILENCE_S = 30.0


class Watch:
    """Changes under one prefix, as an async iterator of batches; used by one task.

    Iterating survives lost connections, frozen servers and expired tokens. It raises ``Compacted`` when the next
    revision can no longer be had, ``Restored`` when etcd no longer holds the history that was followed, and
    ``EtcdPermissionDenied`` when the user may not read the prefix: then read the prefix again and open a new watch.

    Whether the history is the same is asked each time the watch is resumed: the cluster must be the same, its term
    and revision not lower, and the *witness* (the last key seen written) must stand at our revision as we saw it.
    """

    def __init__(self, connection: Connection, prefix: str, start_revision: int, witness: KeyValue | None) -> None:
        self.prefix = prefix
        self.revision = start_revision - 1
        """The last revision given out. Only events move it: on servers with etcd issue 15220 a progress answer may
        overtake events, and resuming after it would lose them."""
        self.last_heard_s = 0.0
        """Monotonic seconds of the last sign of life, 0 before the first."""
        self.connected = False
        """Whether the watch is established right now."""
        self._connection = connection
        self._witness = witness
        self._cluster_id = 0
        self._term = 0
        self._stream: Stream[pb.WatchRequest, pb.WatchResponse] | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._limit: asyncio.Timeout | None = None
        self._silence_s = connection.settings.watchdog_silence_s
        self._failures = 0
        self._denials = 0
        self._closed = asyncio.Event()

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> WatchBatch:
        while not self._closed.is_set():
            try:
                async with asyncio.timeout(None) as self._limit:
                    if self._stream is None:
                        await self._open()
                    return await self._next_batch()
            except TimeoutError:
                self._silent()
                await self._pause("no sign of life")
            except EtcdUnavailable as problem:
                await self._pause(str(problem))
            except EtcdPermissionDenied as problem:
                await self._login_again(problem)
            except (EtcdError, asyncio.CancelledError):
                self._drop()
                raise
            finally:
                self._limit = None
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the watch; a waiting iteration stops."""
        self._closed.set()
        if self._limit is not None:
            self._allow(0)
        else:
            self._drop()

    # -- one connection

    async def _open(self) -> None:
        await self._check_history()
        target = self._connection.endpoint
        self._stream = stream = await self._connection.stream(rpc.WATCH, target)
        # Opening may hang as well: etcd is silent towards a watch without a valid token.
        self._allow(self._silence_s)
        create = pb.WatchCreateRequest(
            key=wire.encode_key(self.prefix) or b"\0",
            range_end=wire.prefix_end(self.prefix),
            start_revision=self.revision + 1,
        )
        await stream.write(pb.WatchRequest(create_request=create))
        self._ticker = asyncio.create_task(self._tick(stream), name="etcd-watch-ticker")

    async def _next_batch(self) -> WatchBatch:
        stream = self._stream
        assert stream is not None
        while True:
            self._allow(self._silence_s)
            response = await stream.read()
            self.last_heard_s = time.monotonic()
            if response.canceled:  # comes together with ``created`` when the user may not watch
                raise self._canceled(response)
            if response.created:
                self._established(response)
                continue
            self._silence_s = self._connection.settings.watchdog_silence_s
            batch = self._take(response)
            if batch is not None:
                return batch

    def _allow(self, seconds: float) -> None:
        """From now on the server may be silent for so long."""
        if self._limit is not None:
            seconds = 0 if self._closed.is_set() else seconds
            self._limit.reschedule(asyncio.get_running_loop().time() + seconds)

    def _established(self, response: pb.WatchResponse) -> None:
        self.connected = True
        self._failures = self._denials = 0
        self._cluster_id = self._cluster_id or response.header.cluster_id
        self._term = max(self._term, response.header.raft_term)

    def _take(self, response: pb.WatchResponse) -> WatchBatch | None:
        """The response's events as one batch: etcd never splits a revision while fragments are off."""
        events = tuple(wire.decode_event(event) for event in response.events if event.kv.mod_revision > self.revision)
        if not events:
            return None
        for event in events:
            if not event.deleted:
                self._witness = event.kv
            elif self._witness is not None and self._witness.key == event.kv.key:
                self._witness = None
        self.revision = events[-1].kv.mod_revision
        return WatchBatch(self.revision, events)

    def _canceled(self, response: pb.WatchResponse) -> EtcdError:
        reason = response.cancel_reason
        if response.compact_revision:
            return Compacted(response.compact_revision)
        if "permission denied" in reason or "auth" in reason or "user name is empty" in reason:
            return EtcdPermissionDenied(f"etcd at {self._connection.endpoint}: watching {self.prefix}: {reason}")
        return EtcdUnavailable(f"etcd at {self._connection.endpoint}: watch canceled: {reason or 'no reason given'}")

    def _drop(self) -> None:
        self.connected = False
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        if self._stream is not None:
            self._stream.cancel()
            self._stream = None

    async def _tick(self, stream: Stream[pb.WatchRequest, pb.WatchResponse]) -> None:
        """Ask for a sign of life now and then."""
        request = pb.WatchRequest(progress_request=pb.WatchProgressRequest())
        while True:
            await asyncio.sleep(self._connection.settings.watchdog_interval_s)
            try:
                await stream.write(request)
            except EtcdError:
                return  # the reader learns it by itself

    def _silent(self) -> None:
        if not self._closed.is_set():
            log.warning("etcd watch silent", extra={"endpoint": self._connection.endpoint, "seconds": self._silence_s})
            # A server busy with a long catch-up is silent too: give the next one more time.
            self._silence_s = min(self._silence_s * 2, _LONGEST_SILENCE_S)

    # -- between connections

    async def _pause(self, problem: str) -> None:
        """Move to the next endpoint; wait only after all of them have failed."""
        self._drop()
        self._connection.leave(self._connection.endpoint)
        self._failures += 1
        rounds, rest = divmod(self._failures, len(self._connection.settings.endpoints))
        if rest or self._closed.is_set():
            return
        delay_s = min(_FIRST_DELAY_S * 2 ** min(rounds - 1, 10), _LONGEST_DELAY_S)
        log.warning(
            "etcd watch lost: %s",
            problem,
            extra={"prefix": self.prefix, "revision": self.revision, "retry_s": round(delay_s, 2)},
        )
        try:
            await asyncio.wait_for(self._closed.wait(), delay_s * (0.5 + random.random()))
        except TimeoutError:
            return

    async def _login_again(self, problem: EtcdPermissionDenied) -> None:
        """3.5.1 says "permission denied" for an expired token as well: only a second denial is a denial."""
        self._drop()
        self._denials += 1
        if self._denials > 1 or not self._connection.settings.username:
            self._denials = 0
            raise problem
        await self._connection.relogin(self._connection.endpoint)

    async def _check_history(self) -> None:
        """Ask a linearizable read whether etcd still holds what we saw at our revision."""
        if self.revision <= 0:
            return
        witness = self._witness
        request = wire.encode_range(witness.key if witness else self.prefix or "\0", prefix=False)
        request.revision = self.revision
        response = await self._connection.call(rpc.RANGE, request)
        header = response.header
        if header.revision < self.revision:
            raise Restored(f"its revision is {header.revision}, ours was {self.revision}", header.revision)
        if self._cluster_id and header.cluster_id != self._cluster_id:
            raise Restored(f"its cluster id changed to {header.cluster_id:x}", header.revision)
        if header.raft_term < self._term:
            raise Restored(f"its term went back from {self._term} to {header.raft_term}", header.revision)
        if witness is not None and not self._matches(witness, response):
            raise Restored(f"{witness.key} is not what it was at revision {self.revision}", header.revision)
        self._cluster_id = header.cluster_id
        self._term = max(self._term, header.raft_term)

    @staticmethod
    def _matches(witness: KeyValue, response: pb.RangeResponse) -> bool:
        if not response.kvs:
            return False
        found = response.kvs[0]
        return (
            found.mod_revision == witness.mod_revision
            and found.create_revision == witness.create_revision
            and found.version == witness.version
            and (not witness.value or found.value == witness.value)
        )
