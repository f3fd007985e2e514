"""The file source: what is written into the files is served, what cannot be read is not."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tollhouse.dataplane.config.objects import Batch
from tollhouse.dataplane.runtime.sources.file import FileSource


def route(object_id: str, uri: str = "/a") -> str:
    return f"  - {{id: {object_id}, uri: {uri}}}\n"


def write(path: Path, text: str) -> None:
    """Write whole, as a careful editor does."""
    fresh = path.with_suffix(".tmp")
    fresh.write_text(text)
    fresh.replace(path)


@asynccontextmanager
async def following(*paths: Path) -> AsyncIterator[AsyncIterator[Batch]]:
    source = FileSource(paths, poll_s=0.02)
    batches = source.batches()
    try:
        yield batches
    finally:
        await source.close()
        await batches.aclose()  # type: ignore[attr-defined]


async def following_batch(batches: AsyncIterator[Batch]) -> Batch:
    return await asyncio.wait_for(anext(batches), 10)


async def test_changes_are_followed(tmp_path: Path) -> None:
    """The first batch is full; a change brings all objects, unchanged ones with their old revision; revisions grow."""
    path = tmp_path / "config.yaml"
    write(path, "routes:\n" + route("a") + route("b"))
    async with following(path) as batches:
        first = await following_batch(batches)
        assert (first.full, first.source, len(first.puts)) == (True, "file", 2)
        write(path, "routes:\n" + route("a") + route("b", "/new") + route("c"))
        second = await following_batch(batches)
        assert second.revision > first.revision
        revisions = {one.id: one.mod_revision for one in second.puts}
        assert revisions == {"a": first.revision, "b": second.revision, "c": second.revision}
        assert {one.id: one.create_revision for one in second.puts}["b"] == first.revision
        write(path, "routes:\n" + route("a"))
        third = await following_batch(batches)
        assert [one.id for one in third.puts] == ["a"]
        assert third.full


async def test_touching_a_file_changes_nothing(tmp_path: Path) -> None:
    """Another time of change with the same objects is no batch."""
    path = tmp_path / "config.yaml"
    write(path, "routes:\n" + route("a"))
    async with following(path) as batches:
        await following_batch(batches)
        os.utime(path, (time.time() + 5, time.time() + 5))
        waiting = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0.4)
        assert not waiting.done()
        write(path, "routes:\n" + route("b"))
        assert [one.id for one in (await asyncio.wait_for(waiting, 10)).puts] == ["b"]


async def test_a_broken_file_leaves_the_last_good_configuration(tmp_path: Path) -> None:
    """A mistake, or a file that vanished, is logged; the next good version is taken."""
    path = tmp_path / "config.yaml"
    write(path, "routes:\n" + route("a"))
    async with following(path) as batches:
        await following_batch(batches)
        waiting = asyncio.ensure_future(anext(batches))
        for broken in ("routes: [", "routs: []", "- 1"):
            write(path, broken)
            await asyncio.sleep(0.2)
        path.unlink()
        await asyncio.sleep(0.1)
        assert not waiting.done()
        write(path, "routes:\n" + route("b"))
        assert [one.id for one in (await asyncio.wait_for(waiting, 10)).puts] == ["b"]


async def test_a_broken_file_at_the_start_is_an_error(tmp_path: Path) -> None:
    """There is nothing to fall back on: the mistake is told with its place."""
    path = tmp_path / "config.yaml"
    path.write_text("routes: 7\n")
    with pytest.raises(ValueError, match=r"config\.yaml:1"):
        await anext(FileSource([path]).batches())
    with pytest.raises(ValueError, match=r"none\.yaml: No such file"):
        await anext(FileSource([tmp_path / "none.yaml"]).batches())
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no YAML or JSON file"):
        await anext(FileSource([tmp_path / "empty"]).batches())


async def test_folders(tmp_path: Path) -> None:
    """All YAML and JSON files of a folder count, new ones too."""
    (tmp_path / "deep").mkdir()
    write(tmp_path / "a.yaml", "routes:\n" + route("a"))
    write(tmp_path / "deep" / "b.json", '{"routes": [{"id": "b", "uri": "/b"}]}')
    (tmp_path / "notes.txt").write_text("not a config")
    async with following(tmp_path) as batches:
        assert {one.id for one in (await following_batch(batches)).puts} == {"a", "b"}
        write(tmp_path / "c.yml", "routes:\n" + route("c"))
        assert {one.id for one in (await following_batch(batches)).puts} == {"a", "b", "c"}


async def test_closing_ends_the_batches(tmp_path: Path) -> None:
    """A closed source gives no more batches."""
    path = tmp_path / "config.yaml"
    write(path, "routes: []\n")
    source = FileSource([path], poll_s=0.02)
    batches = source.batches()
    assert (await anext(batches)).puts == ()
    await source.close()
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(batches), 5)
