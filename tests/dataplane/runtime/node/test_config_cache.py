"""The copy of the configuration on disk: whole or not at all, encrypted when there is a key."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.runtime.node.config_cache import ConfigCache

KEY = "a sealing key of some length"


def batch(revision: int, secret: str = "hidden") -> Batch:
    return Batch(revision, True, (RawObject("routes", "r", f'{{"a":"{secret}"}}'.encode(), revision, 1),))


async def save(cache: ConfigCache, revision: int) -> None:
    cache.save_soon(lambda: batch(revision))
    await cache.close()


async def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    """The objects come back as they were, marked as a copy; only the owner may read the file."""
    path = tmp_path / "state" / "config.bin"
    await save(ConfigCache(path, "/apisix"), 7)
    stored = await ConfigCache(path, "/apisix").load()
    assert stored is not None
    assert stored.batch == Batch(7, True, batch(7).puts, (), "cache")
    assert stored.saved_at > 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_nothing_there(tmp_path: Path) -> None:
    """A first start finds no copy."""
    assert await ConfigCache(tmp_path / "none", "/apisix").load() is None


async def test_encrypted_with_a_sealing_key(tmp_path: Path) -> None:
    """With a key nothing of the configuration can be read from the file; a rotated key still opens it."""
    path = tmp_path / "config.bin"
    await save(ConfigCache(path, "/apisix", KEY), 7)
    assert b"hidden" not in path.read_bytes()
    assert b"routes" not in path.read_bytes()
    assert await ConfigCache(path, "/apisix").load() is None
    assert await ConfigCache(path, "/apisix", "another key of some length").load() is None
    rotated = await ConfigCache(path, "/apisix", f"another key of some length,{KEY}").load()
    assert rotated is not None
    assert rotated.batch.puts == batch(7).puts


async def test_damaged_foreign_and_half_written_files_are_not_used(tmp_path: Path) -> None:
    """A file that is cut, changed, or of another prefix is left alone, and the node waits for etcd."""
    path = tmp_path / "config.bin"
    for key in ("", KEY):
        await save(ConfigCache(path, "/apisix", key), 7)
        whole = path.read_bytes()
        assert await ConfigCache(path, "/other", key).load() is None
        for broken in (b"", whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1]), b"garbage"):
            path.write_bytes(broken)
            assert await ConfigCache(path, "/apisix", key).load() is None


async def test_a_burst_is_written_twice_at_most(tmp_path: Path) -> None:
    """While a write is under way the newest configuration waits; the ones in between are never written."""
    taken: list[int] = []

    def content(revision: int) -> Batch:
        taken.append(revision)
        return batch(revision)

    cache = ConfigCache(tmp_path / "config.bin", "/apisix", pause_s=0.05)
    for revision in range(100):
        cache.save_soon(lambda revision=revision: content(revision))  # type: ignore[misc]
        await asyncio.sleep(0)
    await cache.close()
    stored = await cache.load()
    assert stored is not None
    assert stored.batch.revision == 99
    assert len(taken) <= 2


async def test_a_disk_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    """A failed write is logged; the next one is tried."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    cache = ConfigCache(blocked / "config.bin", "/apisix", pause_s=0.0)
    await save(cache, 1)
    assert await cache.load() is None
