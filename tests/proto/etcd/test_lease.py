"""A kept lease: alive while its keeper is, replaced when it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tollhouse.proto.etcd import EtcdClient, EtcdUnavailable, KeptLease

from tests.support.etcd_server import EtcdServer


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.01)


async def test_outlives_its_time_and_ends_with_its_keeper(etcd: EtcdServer) -> None:
    """Keys stay beyond the lease's time while it is kept, and go at once when it is closed."""
    async with EtcdClient(etcd.settings()) as client:

        async def granted(lease: int) -> None:
            await client.put("/node", b"1", lease=lease)

        lease = KeptLease(client, 1, granted)
        lease.start()
        await until(lambda: lease.id != 0)
        await asyncio.sleep(2.5)
        assert await client.get("/node") is not None
        await lease.close()
        assert await client.get("/node") is None


async def test_a_lost_lease_is_granted_anew(etcd: EtcdServer) -> None:
    """A revoked lease is replaced, and whoever hangs keys on it is told; also when that fails at first."""
    async with EtcdClient(etcd.settings()) as client:
        told: list[int] = []

        async def granted(lease: int) -> None:
            told.append(lease)
            if len(told) == 1:
                raise EtcdUnavailable("not now")

        lease = KeptLease(client, 1, granted)
        lease.start()
        await until(lambda: len(told) == 2)
        assert told[0] == told[1]
        await client.lease_revoke(lease.id)
        await until(lambda: len(told) == 3)
        assert told[2] != told[0]
        await lease.close()


async def test_survives_a_restart_of_etcd(etcd: EtcdServer) -> None:
    """An outage shorter than the lease's time changes nothing."""
    async with EtcdClient(etcd.settings(timeout_s=1.0)) as client:
        told: list[int] = []

        async def granted(lease: int) -> None:
            told.append(lease)

        lease = KeptLease(client, 5, granted)
        lease.start()
        await until(lambda: len(told) == 1)
        await asyncio.to_thread(etcd.restart)
        await asyncio.sleep(3)
        assert told == [lease.id]
        await lease.close()
