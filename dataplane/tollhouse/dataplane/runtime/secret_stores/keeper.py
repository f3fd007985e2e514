"""What ``$secret://`` references stand for: found in the configuration, fetched, kept fresh, told to the workers.

A value that was had once stays good when its store does not answer; with a sealing key it is also kept on disk, sealed,
so that a node starts while its store is away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.runtime.node.config_state import ConfigState
from tollhouse.dataplane.runtime.secret_stores.ask import StoreError
from tollhouse.dataplane.runtime.secret_stores.stores import Stores, split_reference
from tollhouse.dataplane.runtime.secrets import NodeSecrets
from tollhouse.proto.resources import parse
from tollhouse.proto.sealing import Sealer, SealingError

log = logging.getLogger("tollhouse.secrets")

PATIENCE_S = 3.0
"""So long a change of the configuration waits for the secrets it names; then it goes out without them."""
FRESH_S = 300.0
RETRY_S = 15.0
"""Between attempts to have what could not be had."""

_REFERENCE = re.compile(rb'\$secret://[^"\\\s]{3,1024}', re.IGNORECASE)

Key = tuple[str, str]


class SecretKeeper:
    """One per node, in its supervisor."""

    def __init__(
        self,
        state: ConfigState,
        secrets: NodeSecrets,
        sealer: Sealer,
        folder: Path,
        changed: Callable[[Batch | None], None],
    ) -> None:
        """``changed`` is called when there is something to tell the workers, with the objects they shall load again."""
        self._state = state
        self._secrets = secrets
        self._sealer = sealer
        self._cache = folder / "secrets.cache"
        self._changed = changed
        self._stores = Stores(secrets)
        self._named: dict[Key, frozenset[str]] = {}
        self._values: dict[str, str] = {}
        self._faults: dict[str, str] = {}
        self._told: dict[str, str] = {}
        """With which values the workers loaded their objects."""
        self.fresh_s, self.retry_s = FRESH_S, RETRY_S
        self._due = asyncio.Event()
        self._busy = asyncio.Lock()
        self._restore()

    @property
    def known(self) -> tuple[dict[str, str], dict[str, str]]:
        """Values and faults by reference: what a new worker is told."""
        return self._values, self._faults

    async def take(self, batch: Batch) -> None:
        """Fetch what a change of the configuration names, for a while; what takes longer is told to the workers when it
        comes. The state must have the batch already; ``reload`` once the workers have it, too."""
        new, stores = self._note(batch)
        if not new and not stores:
            return
        try:
            await asyncio.wait_for(asyncio.shield(self._work(again=stores)), PATIENCE_S)
        except TimeoutError:
            log.warning("secrets are not all there yet; the configuration goes out without them")
            self._due.set()
        self._changed(None)

    def reload(self) -> None:
        """Have the objects loaded again whose secrets have other values than when the workers loaded them."""
        different = {text for text, value in self._values.items() if self._told.get(text) != value}
        if different:
            self._told = dict(self._values)
            self._changed(self._touched(different))

    async def run(self) -> None:
        """Keep what is named fresh, for ever."""
        while True:
            wait_s = self.retry_s if self._faults else self.fresh_s
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), wait_s)
            self._due.clear()
            if self._references():
                await self._work(again=True)
                self.reload()

    async def close(self) -> None:
        """Let go of connections."""
        await self._stores.close()

    # -- what is named

    def _note(self, batch: Batch) -> tuple[bool, bool]:
        """Whether there is something new to fetch, and whether a store was changed."""
        if batch.full:
            self._named.clear()
        for key in batch.deletes:
            self._named.pop(key, None)
        stores, new = False, set[str]()
        for one in batch.puts:
            stores = stores or one.kind == "secrets"
            named = _REFERENCE.findall(one.value) if b"$" in one.value else ()
            found = frozenset(text.decode("utf-8", "replace") for text in named)
            if found:
                self._named[one.kind, one.id] = found
                new |= found
            else:
                self._named.pop((one.kind, one.id), None)
        if stores:
            self._stores.forget()
        return any(text not in self._values for text in new), stores and bool(self._named)

    def _references(self) -> set[str]:
        return {text for found in self._named.values() for text in found}

    # -- fetching

    async def _work(self, *, again: bool) -> None:
        async with self._busy:
            before = dict(self._values)
            self._stores.begin()
            wanted = self._references()
            asked = [text for text in sorted(wanted) if again or text not in self._values]
            for text, (value, fault) in zip(asked, await asyncio.gather(*map(self._fetch, asked)), strict=True):
                if value is not None:
                    self._values[text] = value
                    self._faults.pop(text, None)
                elif text in self._values:
                    log.warning("secret not refreshed, its last value stays good: %s: %s", text, fault)
                elif self._faults.get(text) != fault:
                    log.error("secret unavailable: %s: %s", text, fault)
                    self._faults[text] = fault
            for gone in [text for text in (*self._values, *self._faults) if text not in wanted]:
                self._values.pop(gone, None)
                self._faults.pop(gone, None)
            self._secrets.learn(self._values, self._faults)
            if self._values != before:
                await asyncio.to_thread(self._keep, dict(self._values))

    async def _fetch(self, text: str) -> tuple[str | None, str]:
        try:
            manager, store_id, path = split_reference(text)
            raw = self._state.get("secrets", f"{manager}/{store_id}")
            if raw is None:
                raise StoreError(f"there is no secret store {manager}/{store_id} (kind secrets)")
            store: Any = parse("secrets", raw.value, raw.id)
            return await self._stores.value(manager, raw.id, store, path), ""
        except (StoreError, GatewayError) as error:
            return None, str(error)
        except Exception as error:
            log.exception("secret store failed")
            return None, f"it failed with {type(error).__name__}"

    def _touched(self, different: set[str]) -> Batch:
        """The objects that name what changed, to be loaded again."""
        puts: list[RawObject] = []
        for key, found in self._named.items():
            raw = self._state.get(*key)
            if raw is not None and not different.isdisjoint(found):
                puts.append(raw)
        gone = tuple((one.kind, one.id) for one in puts)
        return Batch(self._state.revision, False, tuple(puts), gone, self._state.source)

    # -- last values on disk

    def _restore(self) -> None:
        try:
            kept: dict[str, str] = msgspec.json.decode(self._cache.read_bytes(), type=dict[str, str])
            self._values = {text: self._sealer.open(value) for text, value in kept.items()}
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError, SealingError) as error:
            log.warning("the kept secrets cannot be used: %s", error)
            self._values = {}
        self._secrets.learn(self._values, {})

    def _keep(self, values: dict[str, str]) -> None:
        if not self._sealer.key_ids:
            return
        sealed = msgspec.json.encode({text: self._sealer.seal(value) for text, value in values.items()})
        fresh = self._cache.with_suffix(".new")
        try:
            fresh.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(sealed)
            fresh.replace(self._cache)
        except OSError as error:
            log.warning("secrets not kept on disk: %s", error)
