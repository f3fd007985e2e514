"""Larger forms of Redis for tests: a cluster of three masters, and a master with a replica that a sentinel knows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from tests.support.redis_server import RedisServer

SLOTS = 16384


async def until(true: Any, what: str, seconds: float = 20) -> None:
    """Ask until it is so."""
    deadline = time.monotonic() + seconds
    while not await true():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


@asynccontextmanager
async def redis_cluster(folder: Path) -> AsyncIterator[list[RedisServer]]:
    """Three masters that share the slots."""
    servers = []
    for number in range(3):
        (folder / str(number)).mkdir()
        options = ("--cluster-enabled", "yes", "--dir", str(folder / str(number)), "--cluster-node-timeout", "2000")
        servers.append(RedisServer(*options))
    clients: list[Any] = []
    try:
        for server in servers:
            server.start()
        clients = [Redis(port=server.port) for server in servers]
        for number, client in enumerate(clients):
            first, last = number * SLOTS // 3, (number + 1) * SLOTS // 3 - 1
            await client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            await client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for client in clients[1:]:
            await client.execute_command("CLUSTER", "MEET", "127.0.0.1", servers[0].port)

        async def whole() -> bool:
            told = [await client.cluster("INFO") for client in clients]
            return all(one["cluster_state"] == "ok" and one["cluster_known_nodes"] == "3" for one in told)

        await until(whole, "the cluster is not whole")
        yield servers
    finally:
        for client in clients:
            await client.aclose()
        for server in servers:
            server.kill()


@asynccontextmanager
async def guarded_redis(folder: Path) -> AsyncIterator[tuple[RedisServer, RedisServer, RedisServer]]:
    """A master, its replica, and the sentinel that knows them as ``main``."""
    master = RedisServer().start()
    replica = RedisServer("--replicaof", f"127.0.0.1 {master.port}").start()
    config = folder / "sentinel.conf"
    config.write_text(
        f"sentinel monitor main 127.0.0.1 {master.port} 1\n"
        "sentinel down-after-milliseconds main 300\nsentinel failover-timeout main 2000\n"
    )
    sentinel = RedisServer(str(config), "--sentinel").start()
    client: Any = Redis(port=sentinel.port)
    try:

        async def known() -> bool:
            return bool(await client.execute_command("SENTINEL", "REPLICAS", "main"))

        await until(known, "the sentinel does not know the replica")
        yield master, replica, sentinel
    finally:
        await client.aclose()
        for server in (master, replica, sentinel):
            server.kill()
