"""A real node: what happens when its parts die, and how it stops."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import aiohttp.web
import pytest

from tests.support.node import Node, upstream

__all__ = ["upstream"]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def write_config(path: Path, upstream: str, **plugins: object) -> None:
    document = {
        "upstreams": [{"id": "u", "type": "roundrobin", "nodes": {upstream: 1}}],
        "routes": [{"id": "r", "uri": "/*", "upstream_id": "u", "plugins": plugins}],
        "global_rules": [{"id": "metrics", "plugins": {"prometheus": {}}}],
        "plugin_metadata": [{"id": "prometheus", "export_uri": "/apisix/metrics"}],
    }
    path.write_text(json.dumps(document))


@pytest.fixture
async def node(tmp_path: Path, upstream: str) -> AsyncIterator[Node]:
    """A standalone node of two workers in front of ``upstream``."""
    config = tmp_path / "config.json"
    write_config(config, upstream)
    node = Node(tmp_path, "--config", str(config), "--heartbeat-timeout-s", "2").start()
    await node.ready()
    yield node
    node.kill()


async def get(node: Node, path: str = "/hello") -> int:
    """The status of a request on a connection of its own; 0 when the connection broke."""
    try:
        async with aiohttp.ClientSession() as session, session.get(node.http(path)) as answer:
            await answer.read()
            return answer.status
    except aiohttp.ClientError:
        return 0


def total(text: str, name: str) -> float:
    """The sum over all series of a metric."""
    return sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE))


async def test_a_killed_worker_is_replaced_traffic_goes_on_and_totals_never_go_backward(node: Node):
    for _ in range(20):
        assert await get(node) == 200
    before = await node.metrics()
    assert total(before, "apisix_http_status") == 20
    victim = node.workers[0]
    victim.kill()
    statuses = [await get(node) for _ in range(40)]
    # Connections the dead worker had accepted are lost with it; those after it are not.
    assert statuses[-20:] == [200] * 20
    await node.until(lambda: len(node.workers) == 2 and victim.pid not in [one.pid for one in node.workers])
    await node.ready()
    after = await node.metrics()
    assert total(after, "apisix_http_status") >= 20 + statuses.count(200) - 2
    assert total(after, "tollhouse_worker_restarts_total") == 1
    assert total(after, "tollhouse_workers_serving") == 2


async def test_a_stuck_worker_is_killed_and_replaced(node: Node):
    stuck = node.workers[0]
    stuck.suspend()
    await node.until(lambda: not stuck.is_running() or stuck.status() == "zombie", 15)
    await node.ready()
    assert await get(node) == 200


async def test_sigterm_lets_a_running_stream_finish_and_takes_no_new_work(node: Node):
    async with aiohttp.ClientSession() as session, session.get(node.http("/slow")) as answer:
        first = await answer.content.readline()
        node.terminate()
        await asyncio.sleep(0.3)
        status, told = await node.readiness()
        assert (status, told["reason"]) == (503, "draining")
        assert await get(node) == 0
        rest = await answer.read()
    assert (first + rest).decode().split("\n")[:-1] == [f"piece {number}" for number in range(10)]
    assert await node.ended() == 0


async def test_workers_whose_supervisor_is_gone_end_their_streams_and_exit(node: Node):
    workers = node.workers
    async with aiohttp.ClientSession() as session, session.get(node.http("/slow")) as answer:
        await answer.content.readline()
        os.kill(node.pid, signal.SIGKILL)
        assert (await answer.read()).endswith(b"piece 9\n")
    for _ in range(200):
        if not any(worker.is_running() for worker in workers):
            return
        await asyncio.sleep(0.05)
    pytest.fail("workers outlived their supervisor")


async def test_a_node_started_right_after_it_was_killed_serves_again_on_the_same_port(node: Node, tmp_path: Path):
    async with aiohttp.ClientSession() as session, session.get(node.http("/slow")) as answer:
        await answer.content.readline()
        os.kill(node.pid, signal.SIGKILL)
        address = node.addresses["http"]
        again = Node(tmp_path, "--config", str(tmp_path / "config.json"), "--http-listen", address).start()
        try:
            await again.ready()
            assert again.addresses["http"] == address
            assert await get(again) == 200
            assert (await answer.read()).endswith(b"piece 9\n")
        finally:
            again.kill()


async def test_a_terminal_that_closes_is_no_reason_to_stop(node: Node):
    os.kill(node.pid, signal.SIGHUP)
    await asyncio.sleep(0.2)
    assert await get(node) == 200


async def test_the_control_port_tells_what_is_served_and_the_traffic_port_shows_metrics(node: Node):
    assert await get(node) == 200
    async with aiohttp.ClientSession() as session:
        async with session.get(node.control("/v1/route/r")) as answer:
            assert (await answer.json())["value"]["upstream_id"] == "u"
        async with session.get(node.control("/v1/route/none")) as answer:
            assert (answer.status, await answer.json()) == (404, {"error_msg": "route[none] not found"})
        async with session.get(node.control("/apisix/prometheus/metrics")) as answer:
            assert answer.status == 200
        async with session.get(node.http("/apisix/metrics")) as answer:
            text = await answer.text()
    assert total(text, "apisix_http_status") >= 1
    assert 'apisix_http_status{code="200",route="r"' in text


async def test_a_limit_is_exact_over_both_workers(tmp_path: Path, upstream: str):
    config = tmp_path / "config.json"
    write_config(config, upstream, **{"limit-count": {"count": 100, "time_window": 600, "key_type": "constant"}})
    node = Node(tmp_path, "--config", str(config)).start()
    try:
        await node.ready()
        statuses = await asyncio.gather(*(get(node) for _ in range(200)))
        assert (statuses.count(200), statuses.count(503)) == (100, 100)
    finally:
        node.kill()


async def test_a_file_that_is_no_configuration_ends_the_start_with_a_reason(tmp_path: Path):
    config = tmp_path / "config.yaml"
    config.write_text("routes: [")
    node = Node(tmp_path, "--config", str(config)).start()
    assert await node.ended() == 1
    assert "config.yaml" in node.log.read_text()


async def test_a_node_told_to_stop_while_its_workers_start_does_not_wait_for_them(tmp_path: Path, upstream: str):
    config = tmp_path / "config.json"
    write_config(config, upstream)
    node = Node(tmp_path, "--config", str(config), "--drain-timeout-s", "600").start()
    while not node.log.exists() or "worker started" not in node.log.read_text():
        await asyncio.sleep(0.01)
    node.terminate()
    assert await node.ended() == 0


async def test_a_port_in_use_ends_the_start_with_a_reason(node: Node, tmp_path: Path):
    folder = tmp_path / "second"
    folder.mkdir()
    second = Node(folder, "--config", str(tmp_path / "config.json"), "--http-listen", node.addresses["http"]).start()
    assert await second.ended() == 1
    assert f"cannot listen on {node.addresses['http']}" in second.log.read_text()
