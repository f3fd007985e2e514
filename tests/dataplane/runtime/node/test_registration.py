"""A node's entry in the fleet, in a real etcd."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tollhouse.dataplane.runtime.node.registration import EtcdRegistration
from tollhouse.proto.etcd import EtcdClient, EtcdUnavailable, KeyValue
from tollhouse.proto.fleet import NodeRegistration, decode_registration
from tollhouse.proto.keys import node_key

from tests.support.etcd_server import EtcdServer

KEY = node_key("/tollhouse", "n1")


def registration(revision: int) -> NodeRegistration:
    return NodeRegistration("n1", "host", "0.1.0", "127.0.0.1:9092", "127.0.0.1:9080", 1.0, 2, 2, revision)


@asynccontextmanager
async def registered(etcd: EtcdServer, ttl_s: int = 3) -> AsyncIterator[EtcdRegistration]:
    node = EtcdRegistration(etcd.settings(timeout_s=1.0), "/tollhouse", "n1", ttl_s)
    try:
        yield node
    finally:
        await node.close()


async def entry(client: EtcdClient, revision: int) -> KeyValue:
    """Wait until the fleet sees this revision."""
    async with asyncio.timeout(20):
        while True:
            try:
                found = await client.get(KEY)
                if found is not None and decode_registration(found.value).applied_revision == revision:
                    return found
            except EtcdUnavailable:
                pass
            await asyncio.sleep(0.01)


async def test_published_under_a_lease_and_taken_away(etcd: EtcdServer) -> None:
    """The entry hangs on a lease, follows what is published, and is gone when the node stops."""
    async with EtcdClient(etcd.settings()) as client:
        async with registered(etcd) as node:
            await node.publish(registration(1))
            assert (await entry(client, 1)).lease
            await node.publish(registration(2))
            await entry(client, 2)
        assert await client.get(KEY) is None


async def test_many_updates_become_few_writes(etcd: EtcdServer) -> None:
    """The newest of many updates is written, not each of them."""
    async with EtcdClient(etcd.settings()) as client, registered(etcd) as node:
        for revision in range(2000):
            await node.publish(registration(revision))
            if revision % 20 == 0:
                await asyncio.sleep(0.001)
        found = await entry(client, 1999)
        assert found.version < 200


async def test_back_after_etcd_was_wiped(etcd: EtcdServer) -> None:
    """A lost lease is replaced and the entry written again without being told."""
    async with EtcdClient(etcd.settings()) as client, registered(etcd) as node:
        await node.publish(registration(5))
        first = await entry(client, 5)
        await asyncio.to_thread(etcd.wipe)
        assert (await entry(client, 5)).lease != first.lease


async def test_kept_alive_over_a_crash_of_etcd(etcd: EtcdServer) -> None:
    """A short outage costs nothing: same lease, same entry."""
    async with EtcdClient(etcd.settings()) as client, registered(etcd) as node:
        await node.publish(registration(5))
        first = await entry(client, 5)
        await asyncio.to_thread(etcd.restart)
        await node.publish(registration(6))
        assert (await entry(client, 6)).lease == first.lease


async def test_started_while_etcd_is_down(etcd: EtcdServer) -> None:
    """Publishing does not wait for etcd; the entry appears when it is back."""
    etcd.kill()
    async with EtcdClient(etcd.settings()) as client, registered(etcd) as node:
        await node.publish(registration(1))
        await asyncio.to_thread(etcd.start)
        await entry(client, 1)


async def test_a_dead_node_disappears(etcd: EtcdServer) -> None:
    """Without its keeper the entry goes with the lease."""
    async with EtcdClient(etcd.settings()) as client, registered(etcd, ttl_s=2) as node:
        await node.publish(registration(1))
        await entry(client, 1)
        node._lease._task.cancel()  # type: ignore[union-attr]  # as a kill -9 would
        async with asyncio.timeout(10):
            while await client.get(KEY) is not None:
                await asyncio.sleep(0.05)
