"""The node's entry in the fleet, kept in etcd under a lease that dies with the node."""

from __future__ import annotations

import asyncio
import logging

from tollhouse.proto.etcd import EtcdClient, EtcdError, EtcdSettings, KeptLease, LeaseNotFound
from tollhouse.proto.fleet import NodeRegistration, encode_registration
from tollhouse.proto.keys import node_key

log = logging.getLogger("tollhouse.registration")

LEASE_TTL_S = 10
_GAP_S = 0.02
_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.1, 5.0


class EtcdRegistration:
    """Publishes the newest registration: at once when idle, at most 50 times a second, again under a new lease when
    the old one was lost. One per node; outages of etcd are waited out."""

    def __init__(self, settings: EtcdSettings, fleet_prefix: str, node_id: str, ttl_s: int = LEASE_TTL_S) -> None:
        self._client = EtcdClient(settings)
        self._key = node_key(fleet_prefix, node_id)
        self._lease = KeptLease(self._client, ttl_s, self._granted)
        self._newest: NodeRegistration | None = None
        self._written: NodeRegistration | None = None
        self._changed = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    async def publish(self, node: NodeRegistration) -> None:
        """Make this what the fleet sees; returns at once."""
        self._newest = node
        self._changed.set()
        if self._writer is None:
            self._lease.start()
            self._writer = asyncio.create_task(self._write(), name="registration-writer")

    async def close(self) -> None:
        """Take the entry away now rather than at the end of its lease."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        await self._lease.close()
        await self._client.close()

    async def _granted(self, lease: int) -> None:
        """A new lease holds nothing yet."""
        self._written = None
        self._changed.set()

    async def _write(self) -> None:
        delay_s = _FIRST_DELAY_S
        while True:
            await self._changed.wait()
            self._changed.clear()
            node, lease = self._newest, self._lease.id
            if node is None or not lease or node == self._written:
                continue
            try:
                await self._client.put(self._key, encode_registration(node), lease=lease)
            except LeaseNotFound:
                continue  # the lease's keeper finds out, gets a new one, and calls ``_granted``
            except EtcdError as problem:
                log.warning("node not registered: %s", problem, extra={"retry_s": delay_s})
                self._changed.set()
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, _LONGEST_DELAY_S)
            else:
                self._written = node
                delay_s = _FIRST_DELAY_S
                await asyncio.sleep(_GAP_S)
