"""A lease kept alive in the background, and granted anew when it was lost."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from tollhouse.proto.etcd.client import EtcdClient
from tollhouse.proto.etcd.errors import EtcdError, LeaseNotFound

log = logging.getLogger("tollhouse.etcd")

_FIRST_DELAY_S = 0.1


class KeptLease:
    """One lease with its background task; ``start`` it once and ``close`` it at the end.

    ``granted`` is awaited with the id of every new lease, to put the keys that shall live under it; when it raises
    EtcdError it is called again a little later.
    """

    def __init__(self, client: EtcdClient, ttl_s: int, granted: Callable[[int], Awaitable[None]]) -> None:
        self.id = 0
        """The lease in force, 0 before the first and while a lost one has not been replaced."""
        self._client = client
        self._ttl_s = ttl_s
        self._granted = granted
        self._announced = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; returns at once, also when etcd is down."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep(), name="etcd-lease")

    async def close(self) -> None:
        """Stop and revoke the lease: its keys vanish now rather than at the end of their time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        lease, self.id = self.id, 0
        if lease:
            try:
                await self._client.lease_revoke(lease)
            except EtcdError as problem:
                log.warning("etcd lease not revoked: %s", problem)

    async def _keep(self) -> None:
        delay_s = _FIRST_DELAY_S
        while True:
            try:
                await self._beat()
            except LeaseNotFound:
                log.warning("etcd lease lost", extra={"lease": f"{self.id:x}"})
                self.id, self._announced = 0, False
            except Exception as problem:
                # A lease nobody keeps takes its keys along: whatever went wrong, try again.
                log.warning(
                    "etcd lease not renewed: %s",
                    problem,
                    exc_info=not isinstance(problem, EtcdError),
                    extra={"retry_s": round(delay_s, 2)},
                )
                await asyncio.sleep(delay_s * (0.5 + random.random()))
                delay_s = min(delay_s * 2, max(1.0, self._ttl_s / 4))
            else:
                delay_s = _FIRST_DELAY_S
                await asyncio.sleep(self._ttl_s / 3)

    async def _beat(self) -> None:
        if not self.id:
            self.id = await self._client.lease_grant(self._ttl_s)
        else:
            await self._client.lease_keepalive(self.id)
        if not self._announced:
            await self._granted(self.id)
            self._announced = True
