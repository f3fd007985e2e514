"""Changes to a large configuration while streams run: how soon one is served, and how long streams stand still for it.

Usage: python -m benchmarks.live_changes [--routes 10000] [--consumers 100000] [--changes 60]

A real etcd, a real node on one core, everything else on the other. A change is live with the first answer that names
its revision (``x-tollhouse-revision``); streams get an event every 5 ms, and what is shown is how late events came,
with changes and without any: the difference is what changes cost, the rest is the machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from tollhouse.proto import keys, sealing
from tollhouse.proto.etcd import EtcdClient

from benchmarks import gateways, load, machine, requests
from tests.support.etcd_server import EtcdServer

PREFIX = "/apisix"
STREAMS = 8
PACE_MS = 5
PAUSE_S = 0.25
"""Between two changes."""
AT_ONCE = 500
"""Writes under way while the configuration is put there."""


def _route(number: int, provider: str, version: int) -> dict[str, Any]:
    auth = {"header": {"Authorization": f"Bearer {version}"}}
    proxy = {"provider": "openai", "auth": auth, "override": {"endpoint": provider}}
    return {"id": f"r{number}", "uri": f"/team{number}/v1/chat/completions", "plugins": {"ai-proxy": proxy}}


def _consumer(number: int, version: int) -> dict[str, Any]:
    key = sealing.digest(f"key-{number}-{version}")
    return {"username": f"c{number}", "plugins": {"key-auth": {"key": key}}}


async def _fill(etcd: EtcdClient, provider: str, routes: int, consumers: int) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def put(kind: str, name: str, value: dict[str, Any]) -> None:
        async with gate:
            await etcd.put(keys.object_key(PREFIX, kind, name), json.dumps(value).encode())

    made = [("routes", f"r{number}", _route(number, provider, 0)) for number in range(routes)]
    made += [("consumers", f"c{number}", _consumer(number, 0)) for number in range(consumers)]
    await asyncio.gather(*(put(*one) for one in made))


class Gaps:
    """How late events of streams came."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []

    async def watch(self, port: int, request: bytes) -> None:
        """Read one stream after the other."""
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request)
                await reader.readuntil(b"\r\n\r\n")
                last = 0.0
                while not (data := await reader.read(65536)).endswith(b"0\r\n\r\n") and data:
                    now = time.perf_counter()
                    if last:
                        self.late_ms.append(max(0.0, (now - last) * 1000 - PACE_MS))
                    last = now
            finally:
                writer.close()

    def take(self) -> str:
        """What was seen since it was last asked."""
        seen, self.late_ms = sorted(self.late_ms), []
        place = [seen[min(len(seen) - 1, int(len(seen) * share))] for share in (0.5, 0.99, 0.999)]
        return "p50 {:.1f}, p99 {:.1f}, p99.9 {:.1f}, worst {:.1f} ms".format(*place, seen[-1])


async def _revision(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """The revision the node answers with now."""
    writer.write(b"GET /nowhere HTTP/1.1\r\nhost: gateway.test\r\n\r\n")
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r")[0] or 0)
    await reader.readexactly(length)
    return int(head.partition("x-tollhouse-revision: ")[2].partition("\r")[0] or 0)


async def _change(etcd: EtcdClient, port: int, provider: str, options: argparse.Namespace, gaps: Gaps) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took = []
    gaps.late_ms.clear()
    for number in range(options.changes):
        await asyncio.sleep(PAUSE_S)
        kind, name, value = (
            ("routes", f"r{number}", _route(number, provider, number + 1))
            if number % 2
            else ("consumers", f"c{number}", _consumer(number, number + 1))
        )
        revision = await etcd.put(keys.object_key(PREFIX, kind, name), json.dumps(value).encode())
        written = time.perf_counter()
        while await _revision(reader, writer) < revision:  # noqa: ASYNC110 (another process has to be asked)
            await asyncio.sleep(0.001)
        took.append((time.perf_counter() - written) * 1000)
    writer.close()
    print(f"  a change is served after {median(took):.1f} ms (worst of {len(took)}: {max(took):.1f})")
    print(f"  with changes, events were late by {gaps.take()}", flush=True)


async def measure(options: argparse.Namespace) -> None:
    """Fill etcd, start a node, watch streams without changes and with them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        server = EtcdServer(folder, durable=False).start()
        stack.callback(server.kill)
        provider = gateways.start_provider(folder, load.BUILD / "provider")
        stack.callback(provider.stop)
        address = f"http://127.0.0.1:{provider.port}"
        etcd = EtcdClient(server.settings())
        await _fill(etcd, address, options.routes, options.consumers)
        began = time.perf_counter()
        node = gateways.start_node("large", folder, server.endpoint)
        stack.callback(node.stop)
        memory = machine.memory_mb(node.process.pid)
        print(f"{options.routes:,} routes, {options.consumers:,} consumers on a node")
        started_s = time.perf_counter() - began
        print(f"  served {started_s:.1f} s after its start; the worker has {memory:.0f} MB", flush=True)
        body = requests.chat_body(600, stream=True, pace_ms=PACE_MS, events=400)
        request = requests.write(folder, "stream", body).read_bytes()
        request = request.replace(b"POST /v1/", b"POST /team1/v1/", 1)
        gaps = Gaps()
        async with asyncio.TaskGroup() as group:
            streams = [group.create_task(gaps.watch(node.port, request)) for _ in range(STREAMS)]
            await asyncio.sleep(2)
            gaps.late_ms.clear()
            await asyncio.sleep(options.changes * PAUSE_S)
            print(f"  without changes, events were late by {gaps.take()}", flush=True)
            await _change(etcd, node.port, address, options, gaps)
            for one in streams:
                one.cancel()
        await etcd.close()


def main() -> None:
    """Measure it."""
    parser = argparse.ArgumentParser(prog="benchmarks.live_changes", description=__doc__)
    parser.add_argument("--routes", type=int, default=10_000)
    parser.add_argument("--consumers", type=int, default=100_000)
    parser.add_argument("--changes", type=int, default=60)
    options = parser.parse_args()
    load.build()
    machine.keep_to(machine.OTHER_CORE)
    uvloop.run(measure(options))


if __name__ == "__main__":
    main()
