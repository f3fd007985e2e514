"""http-logger posts batches to a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from tollhouse.dataplane import registry
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.http_logger import HttpLogger
from tollhouse.dataplane.runtime.upstream.transport import LeanTransport

from tests.support.exchanges import finished_chat
from tests.support.services import PlainMetrics, PlainSecrets, plain_services


class Sink:
    """A log server: keeps what it gets, answers as told."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.uri = ""

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200, text="ok")


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    app = web.Application()
    app.router.add_post("/logs", sink.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sink.uri = f"http://127.0.0.1:{runner.addresses[0][1]}/logs?tenant=a"
    yield sink
    await runner.cleanup()


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., tuple[HttpLogger, PlainMetrics]]]:
    transport = LeanTransport()
    metrics = PlainMetrics()
    services = plain_services(
        transport=transport, metrics=metrics, secrets=PlainSecrets({"$env://LOG_KEY": "Bearer hush"}), hostname="n"
    )

    def build(**config: Any) -> tuple[HttpLogger, PlainMetrics]:
        loaded, _ = registry.load_plugin_config("http-logger", config)
        return HttpLogger(loaded, Place("routes", "r1"), services), metrics  # type: ignore[arg-type]

    yield build
    await transport.close()


async def test_a_batch_is_one_json_array(sink: Sink, make: Any) -> None:
    """Entries are gathered; the header with the revealed secret goes along."""
    plugin, _ = make(uri=sink.uri, auth_header="$env://LOG_KEY", batch_max_size=2)
    for _ in range(2):
        plugin.record(await finished_chat())
    await plugin.close()
    [body] = sink.bodies
    assert [entry["target"] for entry in json.loads(body)] == ["gpt", "gpt"]
    assert sink.headers[0]["authorization"] == "Bearer hush"
    assert sink.headers[0]["content-type"] == "application/json"


async def test_other_forms(sink: Sink, make: Any) -> None:
    """One object per line, and a bare object where batches are of one."""
    plugin, _ = make(uri=sink.uri, concat_method="new_line", log_format={"m": "$llm_model"})
    for _ in range(2):
        plugin.record(await finished_chat())
    await plugin.close()
    assert [json.loads(line)["m"] for line in sink.bodies[0].splitlines()] == ["gpt-x", "gpt-x"]
    plugin, _ = make(uri=sink.uri, batch_max_size=1)
    plugin.record(await finished_chat())
    await plugin.close()
    assert json.loads(sink.bodies[1])["target"] == "gpt"


async def test_retries_and_losses(sink: Sink, make: Any) -> None:
    """A refused batch comes again as often as configured; what is lost is counted."""
    sink.statuses = [500, 200, 500]
    plugin, metrics = make(uri=sink.uri, batch_max_size=1, max_retry_count=1, retry_delay=0)
    plugin.record(await finished_chat())
    await plugin.close()
    assert len(sink.bodies) == 2
    plugin, metrics = make(uri=sink.uri, batch_max_size=1)
    plugin.record(await finished_chat())
    await plugin.close()
    lost = metrics.series["tollhouse_log_entries_dropped_total", "http-logger", "routes/r1"]
    assert (len(sink.bodies), lost.value) == (3, 1)


async def test_a_server_that_is_not_there(make: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The exchange is not touched; the loss is logged without the secret, and counted."""
    plugin, metrics = make(uri="http://127.0.0.1:1/", auth_header="Bearer hush", batch_max_size=1)
    plugin.record(await finished_chat())
    await asyncio.wait_for(plugin.close(), 10)
    assert metrics.series["tollhouse_log_entries_dropped_total", "http-logger", "routes/r1"].value == 1
    assert "http://127.0.0.1:1" in caplog.text
    assert "hush" not in caplog.text


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({}, "uri"),
        ({"uri": "ftp://a/"}, "uri: expected"),
        ({"uri": "http://u:p@a/"}, "auth_header"),
        ({"uri": "http://a/", "concat_method": "xml"}, "concat_method"),
        ({"uri": "http://a/", "batch_max_size": 0}, "batch_max_size"),
        ({"uri": "http://a/", "include_resp_body_expr": []}, "include_resp_body_expr"),
        ({"uri": "http://a/", "include_req_body_expr": [["a", "?", 1]]}, "include_req_body_expr"),
    ],
)
def test_what_cannot_work_is_refused(config: dict[str, Any], word: str) -> None:
    """With the field and what was expected."""
    [problem] = registry.check_plugin("http-logger", config, "plugins.http-logger")
    assert word in f"{problem.where} {problem.what}"
