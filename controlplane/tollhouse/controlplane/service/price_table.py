"""The price table all nodes charge by: this program's is published where none is, or an older one. If each node took
its own, a fleet that is being upgraded would charge by two."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from contextlib import aclosing
from typing import Any

from tollhouse.controlplane.author import Author, author, purpose
from tollhouse.controlplane.service.refusal import Refusal
from tollhouse.controlplane.service.service import Service
from tollhouse.controlplane.store.store import Store
from tollhouse.proto.catalog import reader
from tollhouse.proto.resources.price_table import PUBLISHED

_log = logging.getLogger("tollhouse.controlplane.prices")

KIND = "price_tables"
START_S = 0.5
"""So long a start waits for etcd."""
PAUSE_S = 1.0
_MYSELF = Author("control plane", "admin")
_DIGITS = re.compile(r"\d+")


class PublishedPrices:
    """Has this process look prices up in what is published, and publishes. One per process."""

    def __init__(self, store: Store, service: Service, *, publishes: bool) -> None:
        self._store = store
        self._service = service
        self._publishes = publishes
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin; returns once a table is published, or soon when etcd is down."""
        first = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._follow(first), name="price table")
        try:
            await asyncio.wait_for(first.wait(), START_S)
        except TimeoutError:
            _log.warning("the published price table is not known yet; the bundled one stands in")

    async def close(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self, first: asyncio.Event) -> None:
        while True:
            try:
                revision = await self._store.revision()
                stored = await self._store.get(KIND, PUBLISHED)
                if self._publishes and (stored is None or is_older(stored.value, reader.bundled())):
                    await self._publish(0 if stored is None else stored.mod_revision)
                    continue
                use(None if stored is None else stored.value)
                first.set()
                since = revision if stored is None else stored.mod_revision
                async with aclosing(self._store.watch_kind(KIND, since + 1)) as changes:
                    async for _ in changes:
                        break
                continue
            except Refusal as refusal:  # etcd is away, or another control plane was faster
                _log.info("following the price table begins anew: %s", refusal.text)
            except Exception:
                _log.exception("following the price table failed; it begins anew")
            await asyncio.sleep(PAUSE_S)

    async def _publish(self, mod_revision: int) -> None:
        author.set(_MYSELF)
        purpose.set(f"publish {reader.bundled().name}")
        value = json.loads(reader.bundled_bytes())
        await self._service.put(KIND, PUBLISHED, value, if_mod_revision=mod_revision)
        _log.info("price table published: %s", reader.bundled().name)


def use(value: dict[str, Any] | None) -> None:
    """Look prices up in a stored table from now on; None: in the bundled one."""
    try:
        reader.publish(reader.parse_table(value) if value is not None else None)
    except ValueError as error:
        _log.error("the published price table cannot be read, the one before it stands: %s", error)


def is_older(value: dict[str, Any], bundled: reader.Table) -> bool:
    """Whether a stored table is an earlier version of the bundled one, and nobody wants to keep it."""
    if value.get("pinned") or value.get("source") != bundled.source:
        return False
    return _version(str(value.get("version"))) < _version(bundled.version)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in _DIGITS.findall(text))
