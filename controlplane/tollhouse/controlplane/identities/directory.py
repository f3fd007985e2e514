"""Follows the ``admins`` objects in etcd: what was written is known to every control plane a moment later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import aclosing

from pydantic import ValidationError
from tollhouse.controlplane.access import Access, AdminKey
from tollhouse.controlplane.permissions import Permit
from tollhouse.controlplane.service.refusal import Refusal
from tollhouse.controlplane.store.objects import Stored
from tollhouse.controlplane.store.store import Store
from tollhouse.proto.resources.admin import Admin

_log = logging.getLogger("tollhouse.controlplane.identities")

START_S = 0.5
"""So long a start waits for etcd; keys of the environment are good without it."""
PAUSE_S = 0.5
"""Between attempts to reach etcd; nothing can be written meanwhile either."""


class Directory:
    """Keeps ``Access`` in step with etcd. One per process."""

    def __init__(self, store: Store, access: Access) -> None:
        self._store = store
        self._access = access
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read what there is, when etcd answers soon, and follow it from then on."""
        first = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._follow(first), name="admins")
        try:
            await asyncio.wait_for(first.wait(), START_S)
        except TimeoutError:
            _log.warning("the admins in etcd are not known yet; keys of the environment are")

    async def close(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self, first: asyncio.Event) -> None:
        while True:
            try:
                items, revision = await self._store.list("admins")
                admins = {item.id: item for item in items}
                self._publish(admins)
                first.set()
                async with aclosing(self._store.watch_kind("admins", revision + 1)) as changes:
                    async for deleted, object_id, item in changes:
                        if deleted or item is None:
                            admins.pop(object_id, None)
                        else:
                            admins[object_id] = item
                        self._publish(admins)
            except Refusal as refusal:  # etcd is away, or forgot the revision: begin anew; what is known stays good
                _log.info("following the admins begins anew: %s", refusal.text)
            except Exception:
                _log.exception("following the admins failed; it begins anew")
            await asyncio.sleep(PAUSE_S)

    def _publish(self, admins: dict[str, Stored]) -> None:
        self._access.replace_stored(key for _, item in sorted(admins.items()) for key in keys_of(item))


def keys_of(item: Stored) -> Iterator[AdminKey]:
    """The keys an object gives; none when it is switched off or cannot be read."""
    try:
        admin = Admin.model_validate(item.value)
    except ValidationError:
        _log.error("admins/%s cannot be read; its keys are not taken", item.id)
        return
    if admin.status == 0:
        return
    permit = Permit(
        admin.role, frozenset(admin.kinds or ()), frozenset(admin.consumer_groups or ()), frozenset(admin.verbs or ())
    )
    for key in admin.keys:
        try:
            digest = bytes.fromhex(key.key.removeprefix("sha256:"))
        except ValueError:
            continue
        yield AdminKey(item.id, admin.role, digest, permit, key.id, float(key.expires_at or 0))
