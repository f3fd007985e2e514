"""The access log."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp
from tollhouse.dataplane.runtime.sinks.access_log import AccessLog
from tollhouse.dataplane.runtime.sinks.log_files import BackgroundLogFiles

from tests.support.exchanges import finished_chat
from tests.support.node import Node
from tests.support.services import StillClock


async def test_one_line_per_exchange(tmp_path: Path) -> None:
    """Each finished exchange is one JSON object on a line of its own."""
    path = tmp_path / "access.log"
    files = BackgroundLogFiles(print)
    access_log = AccessLog(str(path), files, StillClock())
    for _ in range(3):
        access_log.record(await finished_chat())
    files.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 3
    assert lines[0]["target"] == "gpt"


async def test_a_node_logs_what_it_served(tmp_path: Path) -> None:
    """Access log, file-logger and standalone file together, in a real node of two workers; a change of the file is
    served, and every line is whole."""
    access, own = tmp_path / "access.log", tmp_path / "own.log"
    config = tmp_path / "config.yaml"

    def write(uri: str) -> None:
        plugins = {"file-logger": {"path": str(own), "log_format": {"s": "$status"}}}
        upstream = {"type": "roundrobin", "nodes": {"127.0.0.1:1": 1}}
        config.write_text(json.dumps({"routes": [{"id": "r", "uri": uri, "plugins": plugins, "upstream": upstream}]}))

    write("/a")
    node = Node(tmp_path, "--config", str(config), "--access-log", str(access)).start()
    try:
        await node.ready()
        async with aiohttp.ClientSession() as session:

            async def status(path: str) -> int:
                async with session.get(node.http(path), headers={"authorization": "hush"}) as answer:
                    return answer.status

            assert [await status(path) for path in ("/a?apikey=hush", "/b")] == [502, 404]
            write("/b")

            async def changed() -> bool:
                return await status("/b") == 502

            await node.until(changed)
        await node.until(lambda: own.exists() and len(own.read_text().splitlines()) >= 2)
        await node.until(lambda: access.exists() and access.read_text().count("\n") >= 3)
    finally:
        node.kill()
    lines = [json.loads(line) for line in access.read_text().splitlines()]
    assert (lines[0]["uri"], lines[0]["status"], lines[0]["route_id"]) == ("/a?apikey=********", 502, "r")
    assert "hush" not in access.read_text() + own.read_text()
    assert json.loads(own.read_text().splitlines()[0]) == {"s": 502, "route_id": "r"}
