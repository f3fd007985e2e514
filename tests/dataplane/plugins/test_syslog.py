"""Messages reach a real server in RFC 5424's form, and survive its restart when asked to."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from pathlib import Path
from typing import Any

import pytest
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.syslog import Syslog, SyslogConfig
from tollhouse.dataplane.registry import check_plugin
from tollhouse.dataplane.runtime.sinks.wire import dial

from tests.support.certificates import Authority
from tests.support.exchanges import finished_chat
from tests.support.services import PlainMetrics, plain_services

FORM = re.compile(r"<46>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z gate tollhouse \d+ - - (\{.*\})")


class Server:
    """A syslog server over TCP: keeps lines."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.lines: list[str] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> Server:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        while line := await reader.readline():
            self.lines.append(line.decode().rstrip("\n"))

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    async def until(self, count: int) -> list[str]:
        async with asyncio.timeout(5):
            while len(self.lines) < count:
                await asyncio.sleep(0.01)
        return self.lines


def plugin(port: int, metrics: PlainMetrics | None = None, **config: Any) -> Syslog:
    """One that sends each entry at once."""
    made = SyslogConfig.model_validate({"host": "127.0.0.1", "port": port, "batch_max_size": 1, **config})
    services = plain_services(hostname="gate", dial=dial, metrics=metrics or PlainMetrics())
    return Syslog(made, Place("routes", "r"), services)


async def test_each_entry_is_one_message():
    """With APISIX's priority; the entry itself is JSON."""
    server = await Server().start()
    logger = plugin(server.port)
    for _ in range(3):
        logger.record(await finished_chat())
    lines = await server.until(3)
    for line in lines:
        found = FORM.fullmatch(line)
        assert found is not None, line
        assert json.loads(found[1])["consumer"]["username"] == "jack"
    await logger.close()
    await server.stop()


async def test_a_server_that_was_restarted_gets_what_is_tried_again():
    """Without retries the entry is lost and counted."""
    server = await Server().start()
    metrics = PlainMetrics()
    patient = plugin(server.port, metrics, max_retry_count=50, retry_delay=0)
    hasty = plugin(server.port, metrics)
    patient.record(await finished_chat())
    await server.until(1)
    await server.stop()
    hasty.record(await finished_chat())
    await asyncio.sleep(0.1)
    assert metrics.series["tollhouse_log_entries_dropped_total", "syslog", "routes/r"].value == 1
    await server.start()
    patient.record(await finished_chat())
    await server.until(2)
    await patient.close()
    await hasty.close()
    await server.stop()


async def test_over_tls_to_a_server_that_is_vouched_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """To another nothing goes; it is counted."""
    authority = Authority(tmp_path / "good")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    trusted = await Server(authority.server_context()).start()
    stranger = await Server(Authority(tmp_path / "other").server_context()).start()
    metrics = PlainMetrics()
    good, bad = plugin(trusted.port, tls=True), plugin(stranger.port, metrics, tls=True)
    good.record(await finished_chat())
    bad.record(await finished_chat())
    [line] = await trusted.until(1)
    assert FORM.fullmatch(line)
    async with asyncio.timeout(5):
        while metrics.series["tollhouse_log_entries_dropped_total", "syslog", "routes/r"].value < 1:
            await asyncio.sleep(0.01)
    assert stranger.lines == []
    for one in (good, bad):
        await one.close()
    for server in (trusted, stranger):
        await server.stop()


async def test_over_udp_and_not_beyond_the_limit():
    """A message that is too long is dropped and counted."""
    loop = asyncio.get_running_loop()
    got: asyncio.Queue[bytes] = asyncio.Queue()

    class Receiver(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            got.put_nowait(data)

    transport, _ = await loop.create_datagram_endpoint(Receiver, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    metrics = PlainMetrics()
    logger = plugin(port, metrics, sock_type="udp", drop_limit=5000)
    logger.record(await finished_chat(headers={"x-long": "y" * 6000}))
    logger.record(await finished_chat())
    message = await asyncio.wait_for(got.get(), 5)
    assert FORM.fullmatch(message.decode().rstrip("\n"))
    assert metrics.series["tollhouse_log_entries_dropped_total", "syslog", "routes/r"].value == 1
    await logger.close()
    transport.close()


@pytest.mark.parametrize(
    ("config", "word"),
    [({"port": 514}, "host"), ({"host": "h", "port": 514, "tls": True, "sock_type": "udp"}, "only over TCP")],
)
def test_what_does_not_fit_is_refused(config: dict[str, Any], word: str):
    """With the field's name."""
    assert word in str(check_plugin("syslog", config, "routes/r"))
