"""Watches that must lose nothing: killed, frozen, wiped, restored and compacted servers, expired tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tollhouse.proto.etcd import (
    Compacted,
    EtcdClient,
    EtcdPermissionDenied,
    EtcdUnavailable,
    Op,
    Restored,
    Watch,
    WatchBatch,
)

from tests.support.etcd_server import EtcdCluster, EtcdServer

P = "/apisix/"


class Follower:
    """Reads a watch in the background and keeps what came."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.batches: list[WatchBatch] = []
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for batch in self.watch:
            self.batches.append(batch)

    @property
    def values(self) -> list[bytes]:
        return [event.kv.value for batch in self.batches for event in batch.events]

    async def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.01)


@asynccontextmanager
async def following(client: EtcdClient) -> AsyncIterator[Follower]:
    """A follower that starts from a read, as a config source does."""
    read = await client.get_prefix(P)
    follower = Follower(client.watch(P, read.revision + 1, witness=read.kvs[-1] if read.kvs else None))
    try:
        yield follower
    finally:
        await follower.watch.aclose()
        follower.task.cancel()
        await asyncio.gather(follower.task, return_exceptions=True)


async def put_somehow(client: EtcdClient, key: str, value: bytes) -> None:
    """Put until it is acknowledged."""
    async with asyncio.timeout(20):
        while True:
            try:
                await client.put(key, value)
                return
            except EtcdUnavailable:
                await asyncio.sleep(0.05)


async def test_batches_are_whole_revisions(etcd: EtcdServer) -> None:
    """Everything one transaction wrote arrives in one batch, in order, deletions too; other prefixes do not."""
    async with EtcdClient(etcd.settings()) as client, following(client) as follower:
        await client.put("/other/x", b"no")
        done = await client.txn([], [Op.put(f"{P}routes/{n}", b"%d" % n) for n in range(100)])
        await client.delete(f"{P}routes/5")
        await follower.until(lambda: len(follower.values) == 101)
        first = next(batch for batch in follower.batches if batch.revision >= done.revision)
        assert sum(event.kv.mod_revision == done.revision for event in first.events) == 100
        last = follower.batches[-1].events[-1]
        assert last.deleted
        assert last.kv.key == f"{P}routes/5"
        assert follower.watch.revision == done.revision + 1


async def test_kill_9_during_a_watch(etcd: EtcdServer) -> None:
    """After kill -9 and a restart the watch goes on with the next revision: nothing lost, nothing twice."""
    async with EtcdClient(etcd.settings(timeout_s=1.0)) as client, following(client) as follower:
        await client.put(f"{P}a", b"1")
        await follower.until(lambda: follower.values == [b"1"])
        etcd.kill()
        await asyncio.sleep(0.3)
        etcd.start()
        async with EtcdClient(etcd.settings()) as other:
            await put_somehow(other, f"{P}a", b"2")
            await put_somehow(other, f"{P}a", b"3")
        await follower.until(lambda: len(follower.values) >= 3)
        assert follower.values == [b"1", b"2", b"3"]


async def test_a_frozen_member_is_left(etcd_cluster: EtcdCluster) -> None:
    """A member under SIGSTOP keeps its connections open; the watchdog moves the watch to another one."""
    settings = etcd_cluster.settings(timeout_s=1.0, watchdog_interval_s=0.2, watchdog_silence_s=0.6)
    async with EtcdClient(settings) as client, following(client) as follower:
        await client.put(f"{P}a", b"1")
        await follower.until(lambda: follower.values == [b"1"])
        frozen = etcd_cluster.at((await client.status()).endpoint)
        frozen.freeze()
        try:
            rest = tuple(member.endpoint for member in etcd_cluster.members if member is not frozen)
            async with EtcdClient(etcd_cluster.settings(endpoints=rest, timeout_s=1.0)) as other:
                await put_somehow(other, f"{P}a", b"2")
            await follower.until(lambda: b"2" in follower.values)
            assert follower.values[0] == b"1"
            assert follower.watch.connected
        finally:
            frozen.thaw()


async def test_members_killed_in_turn_under_writes(etcd_cluster: EtcdCluster) -> None:
    """Every acknowledged write arrives exactly once and in order while members are killed and restarted."""
    settings = etcd_cluster.settings(timeout_s=1.0, watchdog_interval_s=0.2, watchdog_silence_s=0.8)
    async with EtcdClient(settings) as client, EtcdClient(settings) as writer, following(client) as follower:
        acknowledged: list[int] = []

        async def write() -> None:
            for number in range(10_000):
                try:
                    acknowledged.append(await writer.put(f"{P}a", b"%d" % number))
                except EtcdUnavailable:
                    await asyncio.sleep(0.02)
                await asyncio.sleep(0.005)

        writing = asyncio.create_task(write())
        for member in etcd_cluster.members:
            await asyncio.sleep(0.3)
            member.kill()
            await asyncio.sleep(0.3)
            await asyncio.to_thread(member.start)
        await asyncio.sleep(0.5)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await follower.until(lambda: follower.watch.revision >= acknowledged[-1])
        seen = [event.kv.mod_revision for batch in follower.batches for event in batch.events]
        assert seen == sorted(set(seen))
        assert set(acknowledged) <= set(seen)


async def test_compaction_past_the_watch(etcd: EtcdServer) -> None:
    """A watch whose next revision was compacted away while it was cut off raises Compacted."""
    async with EtcdClient(etcd.settings()) as client:
        start = await client.put(f"{P}a", b"0")
        for number in range(5):
            last = await client.put(f"{P}a", b"%d" % number)
        await client.compact(last)
        with pytest.raises(Compacted) as caught:
            async for _ in client.watch(P, start):
                pass
        assert caught.value.revision in (0, last)


async def test_a_wiped_server(etcd: EtcdServer) -> None:
    """A server that comes back empty is noticed although nothing is written to it."""
    async with EtcdClient(etcd.settings()) as client:
        for number in range(5):
            await client.put(f"{P}a", b"%d" % number)
        async with following(client) as follower:
            await follower.until(lambda: follower.watch.connected)
            etcd.wipe()
            with pytest.raises(Restored):
                await follower.until(lambda: False)


async def test_a_wiped_server_that_grew_past_our_revision(etcd: EtcdServer) -> None:
    """A server that was wiped and filled anew, beyond our revision, is noticed by the witness."""
    async with EtcdClient(etcd.settings()) as client:
        for number in range(5):
            await client.put(f"{P}a", b"%d" % number)
        async with following(client) as follower:
            await follower.until(lambda: follower.watch.connected)
            etcd.kill()
            twin = EtcdServer(etcd.data.parent, name="twin", ports=etcd.ports)
            # Filled where the follower cannot see it: by the time it can connect, the revision is higher than ours.
            moved = EtcdServer(etcd.data.parent, name="twin").start()
            async with EtcdClient(moved.settings()) as other:
                for number in range(20):
                    await other.put(f"{P}b", b"%d" % number)
            moved.kill()
            twin.start()
            try:
                with pytest.raises(Restored):
                    await follower.until(lambda: False)
            finally:
                twin.kill()


async def test_a_restored_backup(etcd: EtcdServer, tmp_path: Path) -> None:
    """Data of yesterday under the same cluster id: the revision went back."""
    async with EtcdClient(etcd.settings()) as client:
        await put_somehow(client, f"{P}a", b"1")
        etcd.save(tmp_path / "backup")
        await put_somehow(client, f"{P}a", b"2")
        await put_somehow(client, f"{P}a", b"3")
        async with following(client) as follower:
            await follower.until(lambda: follower.watch.connected)
            etcd.restore(tmp_path / "backup")
            with pytest.raises(Restored):
                await follower.until(lambda: False)


async def test_a_restored_backup_that_grew_past_our_revision(etcd: EtcdServer, tmp_path: Path) -> None:
    """The same with other writes since: cluster, term and revision look right, the witness does not."""
    async with EtcdClient(etcd.settings()) as client:
        await put_somehow(client, f"{P}a", b"1")
        etcd.save(tmp_path / "backup")
        await put_somehow(client, f"{P}a", b"ours")
        read = await client.get_prefix(P)
        etcd.restore(tmp_path / "backup")
        for number in range(9):
            await put_somehow(client, f"{P}a", b"%d" % number)
        with pytest.raises(Restored, match="is not what it was"):
            async for _ in client.watch(P, read.revision + 1, witness=read.kvs[0]):
                pass


async def test_a_token_that_expired(etcd: EtcdServer) -> None:
    """A watch opened or resumed with an expired token gets a new one; a user without the right is denied."""
    etcd.extra = ("--auth-token-ttl", "1")
    etcd.restart()
    etcd.enable_auth(reader="node")
    root = EtcdClient(etcd.settings(username="root", password="secret"))
    settings = etcd.settings(username="node", password="secret", timeout_s=1.0)
    async with root, EtcdClient(settings) as client, following(client) as follower:
        await root.put(f"{P}a", b"1")
        await follower.until(lambda: follower.values == [b"1"])
        await asyncio.sleep(2.5)
        await asyncio.to_thread(etcd.restart)
        await put_somehow(root, f"{P}a", b"2")
        await follower.until(lambda: follower.values == [b"1", b"2"])
        await asyncio.sleep(2.5)
        late = client.watch(P, follower.watch.revision + 1)
        reading = asyncio.create_task(late.__anext__())
        await asyncio.sleep(0.3)
        await root.put(f"{P}a", b"3")
        assert (await asyncio.wait_for(reading, 10)).events[0].kv.value == b"3"
        await late.aclose()
        with pytest.raises(EtcdPermissionDenied):
            async for _ in client.watch("/other/", 1):
                pass


async def test_30000_changes_arrive_after_an_outage(etcd: EtcdServer) -> None:
    """The backlog of an outage comes in whole, past gRPC's default limit of 4 MiB."""
    async with EtcdClient(etcd.settings()) as client:
        start = await client.put(f"{P}start", b"")
        value = b"x" * 300
        for block in range(0, 30_000, 12_800):
            chunk = range(block, min(block + 12_800, 30_000))
            inner = [Op.put(f"{P}routes/{n}", value) for n in chunk]
            nested = [Op.txn((), tuple(inner[i : i + 100])) for i in range(0, len(inner), 100)]
            for i in range(0, len(nested), 20):
                await client.txn([], nested[i : i + 20])
        seen = 0
        watch = client.watch(P, start + 1)
        async for batch in watch:
            seen += len(batch.events)
            if seen == 30_000:
                break
        await watch.aclose()
        read = await client.get_prefix(P)
        assert len(read.kvs) == 30_001


async def test_closing_ends_a_waiting_iteration(etcd: EtcdServer) -> None:
    """aclose stops the iterator from another task, and cancelling the reading task is a cancellation."""
    async with EtcdClient(etcd.settings()) as client:
        watch = client.watch(P, 1)
        reading = asyncio.create_task(_count(watch))
        await asyncio.sleep(0.1)
        await watch.aclose()
        assert await asyncio.wait_for(reading, 5) == 0
        other = client.watch(P, 1)
        reading = asyncio.create_task(_count(other))
        await asyncio.sleep(0.1)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading


async def _count(watch: Watch) -> int:
    return len([batch async for batch in watch])
