"""The etcd source against a real etcd, through every outage it has to survive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.runtime.node.config_cache import ConfigCache
from tollhouse.dataplane.runtime.sources.etcd import EtcdSource
from tollhouse.proto.etcd import EtcdClient, EtcdUnavailable, Op

from tests.support.etcd_server import EtcdServer


class Node:
    """Takes batches as a supervisor does, and keeps what they amount to."""

    def __init__(self, source: EtcdSource) -> None:
        self.source = source
        self.batches: list[Batch] = []
        self.objects: dict[tuple[str, str], RawObject] = {}
        self.task = asyncio.create_task(self._take())

    async def _take(self) -> None:
        async for batch in self.source.batches():
            self.batches.append(batch)
            if batch.full:
                self.objects = {}
            for place in batch.deletes:
                del self.objects[place]
            for one in batch.puts:
                self.objects[(one.kind, one.id)] = one

    def value(self, kind: str, object_id: str) -> bytes:
        one = self.objects.get((kind, object_id))
        return one.value if one else b""

    async def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.005)


@asynccontextmanager
async def node(etcd: EtcdServer, *, cache: Path | None = None, **settings: object) -> AsyncIterator[Node]:
    copy = ConfigCache(cache, "/apisix", pause_s=0.05) if cache else None
    source = EtcdSource(etcd.settings(**{"timeout_s": 1.0, **settings}), "/apisix", copy)
    taking = Node(source)
    try:
        yield taking
    finally:
        taking.task.cancel()
        await asyncio.gather(taking.task, return_exceptions=True)
        await source.close()


async def put_somehow(client: EtcdClient, key: str, value: bytes) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await client.put(key, value)
                return
            except EtcdUnavailable:
                await asyncio.sleep(0.05)


async def test_reads_everything_then_follows(etcd: EtcdServer) -> None:
    """The first batch is full and skips placeholders and foreign keys; changes and deletions follow."""
    async with EtcdClient(etcd.settings()) as client:
        await client.put("/apisix/routes/", b"init_dir")
        await client.put("/apisix/upstreams/u", b"init_dir")
        await client.put("/apisix/stream_routes/1", b"{}")
        await client.put("/apisix/gen_id", b"1")
        await client.put("/apisix-other/routes/9", b"{}")
        await client.put("/apisix/consumers/jack", b"{}")
        await client.put("/apisix/consumers/jack/credentials/c1", b'{"plugins":{}}')
        first = await client.put("/apisix/routes/r1", b'{"uri":"/a"}')
        async with node(etcd) as follower:
            await follower.until(lambda: bool(follower.batches))
            assert follower.batches[0].full
            assert follower.batches[0].revision == first
            assert set(follower.objects) == {("consumers", "jack"), ("credentials", "jack/c1"), ("routes", "r1")}
            assert follower.objects[("routes", "r1")].mod_revision == first
            done = await client.txn([], [Op.put("/apisix/routes/r2", b"{}"), Op.delete("/apisix/routes/r1")])
            await follower.until(lambda: follower.batches[-1].revision == done.revision)
            assert follower.batches[-1].deletes == (("routes", "r1"),)
            assert ("routes", "r2") in follower.objects


async def test_an_empty_etcd_is_a_configuration_too(etcd: EtcdServer) -> None:
    """A node of a new installation gets a full batch of nothing."""
    async with node(etcd) as follower:
        await follower.until(lambda: bool(follower.batches))
        assert follower.batches[0].full
        assert follower.batches[0].puts == ()


async def test_a_burst_costs_few_batches(etcd: EtcdServer) -> None:
    """The first change goes out alone and at once; the rest of a burst is gathered, the newest versions win."""
    async with EtcdClient(etcd.settings()) as client, node(etcd) as follower:
        await follower.until(lambda: bool(follower.batches))
        await asyncio.sleep(0.3)
        for number in range(500):
            last = await client.put("/apisix/routes/hot", b"%d" % number)
        await follower.until(lambda: follower.batches[-1].revision == last)
        assert follower.value("routes", "hot") == b"499"
        assert len(follower.batches[1].puts) == 1
        assert len(follower.batches) < 100


async def test_30000_objects(etcd: EtcdServer) -> None:
    """Thirty thousand objects are read at the start, and arrive at once when they are written behind our back."""
    async with EtcdClient(etcd.settings()) as client, node(etcd) as early:
        await early.until(lambda: bool(early.batches))
        body = b'{"uri":"/x","plugins":{}}' + b" " * 200
        ops = [Op.put(f"/apisix/routes/{number}", body) for number in range(30_000)]
        inner = [Op.txn((), tuple(ops[start : start + 100])) for start in range(0, len(ops), 100)]
        for start in range(0, len(inner), 20):
            await client.txn([], inner[start : start + 20])
        await early.until(lambda: len(early.objects) == 30_000)
        async with node(etcd) as late:
            await late.until(lambda: bool(late.batches))
            assert len(late.objects) == 30_000


async def test_kill_9_and_back(etcd: EtcdServer) -> None:
    """After a crash of etcd the node goes on from where it was, without a full read."""
    async with EtcdClient(etcd.settings()) as client, node(etcd) as follower:
        await client.put("/apisix/routes/r", b"1")
        await follower.until(lambda: follower.value("routes", "r") == b"1")
        etcd.kill()
        await asyncio.sleep(0.2)
        heard_s = follower.source.last_heard_s
        assert follower.value("routes", "r") == b"1"
        await asyncio.to_thread(etcd.start)
        await put_somehow(client, "/apisix/routes/r", b"2")
        await follower.until(lambda: follower.value("routes", "r") == b"2")
        assert sum(batch.full for batch in follower.batches) == 1
        assert follower.source.last_heard_s > heard_s


async def test_compaction_during_an_outage(etcd: EtcdServer) -> None:
    """When the history in between is gone, a full read brings the node to the present, deletions included."""
    async with EtcdClient(etcd.settings()) as client:
        await client.put("/apisix/routes/gone", b"1")
        await client.put("/apisix/routes/stays", b"1")
        async with node(etcd, watchdog_interval_s=0.1, watchdog_silence_s=0.3) as follower:
            await follower.until(lambda: len(follower.objects) == 2)
            stays = follower.objects[("routes", "stays")]
            etcd.kill()
            # The node must not see it between the change and the compaction: another port, the same data.
            hidden = EtcdServer(
                etcd.data.parent, name=etcd.name, ports=(EtcdServer(etcd.data.parent).ports[0], etcd.ports[1])
            )
            await asyncio.to_thread(hidden.start)
            async with EtcdClient(hidden.settings()) as other:
                await other.delete("/apisix/routes/gone")
                for number in range(20):
                    last = await other.put("/apisix/routes/new", b"%d" % number)
                await other.compact(last)
            hidden.kill()
            await asyncio.to_thread(etcd.start)
            await follower.until(lambda: follower.value("routes", "new") == b"19")
            assert set(follower.objects) == {("routes", "stays"), ("routes", "new")}
            assert follower.batches[-1].full
            assert follower.objects[("routes", "stays")] is stays


async def test_a_wiped_etcd_empties_the_node(etcd: EtcdServer) -> None:
    """What is gone is gone: the node follows the new data, whose revision is lower."""
    async with EtcdClient(etcd.settings()) as client, node(etcd) as follower:
        for number in range(10):
            await client.put("/apisix/routes/old", b"%d" % number)
        await follower.until(lambda: follower.value("routes", "old") == b"9")
        before = follower.batches[-1].revision
        await asyncio.to_thread(etcd.wipe)
        await follower.until(lambda: not follower.objects)
        assert follower.batches[-1].full
        assert follower.batches[-1].revision < before
        await put_somehow(client, "/apisix/routes/new", b"1")
        await follower.until(lambda: follower.value("routes", "new") == b"1")


async def test_a_restored_backup(etcd: EtcdServer, tmp_path: Path) -> None:
    """Yesterday's data replaces today's, also where a revision is used a second time."""
    async with EtcdClient(etcd.settings()) as client:
        await client.put("/apisix/routes/a", b"yesterday")
        await asyncio.to_thread(etcd.save, tmp_path / "backup")
        await put_somehow(client, "/apisix/routes/a", b"today")
        async with node(etcd) as follower:
            await follower.until(lambda: follower.value("routes", "a") == b"today")
            await asyncio.to_thread(etcd.restore, tmp_path / "backup")
            await put_somehow(client, "/apisix/routes/a", b"after")
            await follower.until(lambda: follower.value("routes", "a") == b"after")
            await put_somehow(client, "/apisix/routes/b", b"1")
            await follower.until(lambda: follower.value("routes", "b") == b"1")


async def test_a_frozen_etcd(etcd: EtcdServer) -> None:
    """A server under SIGSTOP is noticed (the age grows) and followed on when it wakes."""
    quick = {"watchdog_interval_s": 0.1, "watchdog_silence_s": 0.3}
    async with EtcdClient(etcd.settings()) as client, node(etcd, **quick) as follower:
        await client.put("/apisix/routes/r", b"1")
        await follower.until(lambda: follower.value("routes", "r") == b"1")
        etcd.freeze()
        await asyncio.sleep(1.0)
        assert time.monotonic() - follower.source.last_heard_s > 0.5
        etcd.thaw()
        await put_somehow(client, "/apisix/routes/r", b"2")
        await follower.until(lambda: follower.value("routes", "r") == b"2")


async def test_a_read_only_user_whose_token_expires(etcd: EtcdServer) -> None:
    """The node's user needs read access to the prefix and nothing else; expired tokens are renewed."""
    etcd.extra = ("--auth-token-ttl", "1")
    etcd.restart()
    etcd.enable_auth(reader="node")
    async with EtcdClient(etcd.settings(username="root", password="secret")) as root:
        await root.put("/apisix/routes/r", b"1")
        async with node(etcd, username="node", password="secret") as follower:
            await follower.until(lambda: follower.value("routes", "r") == b"1")
            await asyncio.sleep(2.2)
            await asyncio.to_thread(etcd.restart)
            await put_somehow(root, "/apisix/routes/r", b"2")
            await follower.until(lambda: follower.value("routes", "r") == b"2")


async def test_a_user_without_rights_waits_for_them(etcd: EtcdServer) -> None:
    """A missing right is no reason to give up: once it is granted the node serves."""
    etcd.enable_auth(reader="node", reader_prefix="/elsewhere")
    async with node(etcd, username="node", password="secret") as follower:
        await asyncio.sleep(0.3)
        assert follower.batches == []
        await asyncio.to_thread(
            etcd.ctl, "role", "grant-permission", "--prefix=true", "node", "read", "/apisix", user="root:secret"
        )
        await follower.until(lambda: bool(follower.batches))


async def test_starts_from_disk_while_etcd_is_down(etcd: EtcdServer, tmp_path: Path) -> None:
    """The last good configuration is served at once, and replaced when etcd is back."""
    copy = tmp_path / "config.bin"
    async with EtcdClient(etcd.settings()) as client:
        await client.put("/apisix/routes/r", b"1")
        async with node(etcd, cache=copy) as follower:
            await client.put("/apisix/routes/r", b"2")
            await follower.until(lambda: follower.value("routes", "r") == b"2")
            revision = follower.batches[-1].revision
        etcd.kill()
        async with node(etcd, cache=copy) as follower:
            await follower.until(lambda: bool(follower.batches))
            first = follower.batches[0]
            assert (first.full, first.source, first.revision) == (True, "cache", revision)
            assert follower.value("routes", "r") == b"2"
            await asyncio.to_thread(etcd.start)
            await put_somehow(client, "/apisix/routes/r", b"3")
            await follower.until(lambda: follower.value("routes", "r") == b"3")
            assert follower.batches[-1].source == "etcd"
            assert follower.batches[1].full
