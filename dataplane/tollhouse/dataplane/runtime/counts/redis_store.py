"""One way to a Redis for limits and budgets alike: a server, a cluster, or the master that sentinels name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from redis.asyncio import BlockingConnectionPool, Connection, Redis, RedisCluster, SSLConnection
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.sentinel import Sentinel
from redis.exceptions import RedisError
from tollhouse.dataplane.redis_place import RedisPlace
from tollhouse.dataplane.runtime.counts.pause import NotAsked, Pause
from tollhouse.dataplane.services import CounterUnavailable


class RedisStore:
    """One connected place. Methods raise CounterUnavailable, and never hang."""

    def __init__(self, place: RedisPlace) -> None:
        self.place = place
        self.client: Any = _client(place)
        self._pause = Pause()

    def __str__(self) -> str:
        return self.place.kind

    @property
    def reachable(self) -> bool:
        """Whether the last operation went well."""
        return self._pause.failures == 0

    def script(self, text: str) -> Any:
        """A Lua script: one atomic step. Its keys must share a hash tag."""
        return self.client.register_script(text)

    async def run(self, script: Any, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Do a step."""
        if not self._pause.closed(time.monotonic()):
            raise NotAsked(f"{self}: not reachable, trying again soon")
        try:
            async with asyncio.timeout(self.place.timeout_s):
                answer = await script(keys=keys, args=arguments)
        except (RedisError, OSError, TimeoutError) as error:
            self._pause.failed(time.monotonic())
            raise self.unavailable(error) from None
        self._pause.succeeded()
        return answer

    def unavailable(self, error: Exception) -> CounterUnavailable:
        """How callers are told."""
        return CounterUnavailable(f"{self}: {str(error) or type(error).__name__}")

    async def close(self) -> None:
        """Close the connections."""
        await self.client.aclose()


def _client(place: RedisPlace) -> Any:
    """Connects with its first operation."""
    common: dict[str, Any] = {
        "username": place.username,
        "password": place.password,
        "socket_timeout": place.timeout_s,
        "socket_connect_timeout": place.timeout_s,
    }
    secure: dict[str, Any] = {}
    if place.tls:
        secure = {"ssl": True, "ssl_cert_reqs": "required" if place.verify else "none"}
        secure["ssl_check_hostname"] = place.verify
        if place.ca_file:
            secure["ssl_ca_certs"] = place.ca_file
        if place.cert_file:
            secure["ssl_certfile"] = place.cert_file
            secure["ssl_keyfile"] = place.key_file or place.cert_file
    if place.kind == "redis-cluster":
        nodes = [ClusterNode(host, port) for host, port in place.nodes]
        # Moved slots are learnt one by one: asking for all of them anew would break off what is under way.
        return RedisCluster(startup_nodes=nodes, reinitialize_steps=0, **common, **secure)
    if place.kind == "redis-sentinel":
        guarded = {"socket_timeout": place.timeout_s, "socket_connect_timeout": place.timeout_s, **secure}
        if place.sentinel_username:
            guarded["username"] = place.sentinel_username
        if place.sentinel_password:
            guarded["password"] = place.sentinel_password
        sentinel: Any = Sentinel(  # type: ignore[no-untyped-call]
            list(place.nodes), sentinel_kwargs=guarded, **common, **secure
        )
        return sentinel.master_for(place.master, db=place.database)
    # Who finds all connections busy waits for one: that is no failure of the store.
    secure.pop("ssl", None)
    pool: Any = BlockingConnectionPool(
        connection_class=SSLConnection if place.tls else Connection,
        host=place.nodes[0][0],
        port=place.nodes[0][1],
        db=place.database,
        max_connections=place.most_connections,
        timeout=place.timeout_s,
        **common,
        **secure,
    )
    return Redis.from_pool(pool)
