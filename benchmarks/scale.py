"""What a large configuration costs: 10 routes against 10,000 with 100,000 consumers, in one worker's own process.

Usage: python -m benchmarks.scale [--routes 10000] [--consumers 100000]

A task that wants to run every millisecond stands for a running stream: how late it comes at worst is the stall.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import time
from collections.abc import Callable, Coroutine
from statistics import median
from typing import Any

import psutil
import uvloop
from multidict import CIMultiDict
from tollhouse.dataplane import registry
from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.gateway import Gateway
from tollhouse.dataplane.runtime.clock import SystemClock
from tollhouse.dataplane.runtime.secrets import NodeSecrets
from tollhouse.dataplane.runtime.telemetry.metrics import PlainMetrics
from tollhouse.dataplane.services import Services
from tollhouse.proto import sealing

CHANGES = 30
REQUESTS = 2000

_running: list[asyncio.Task[None]] = []
Made = Callable[[int, int], tuple[str, dict[str, Any]]]


class Ticker:
    """Knows how late a task came that wanted to run every millisecond."""

    def __init__(self) -> None:
        self.worst_s = 0.0
        self._task = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            self.worst_s = max(self.worst_s, now - last - 0.001)
            last = now

    async def worst_ms(self) -> float:
        """Since it was last asked."""
        await asyncio.sleep(0.003)
        worst, self.worst_s = self.worst_s, 0.0
        return worst * 1000


def _route(number: int, version: int) -> tuple[str, dict[str, Any]]:
    proxy = {"provider": "openai", "auth": {"header": {"Authorization": f"Bearer {version}"}}}
    plugins = {"key-auth": {}, "ai-proxy": proxy}
    return f"r{number}", {"id": f"r{number}", "uri": f"/team{number}/v1/chat/completions", "plugins": plugins}


def _consumer(number: int, version: int) -> tuple[str, dict[str, Any]]:
    key = sealing.digest(f"key-{number}-{version}")
    return f"c{number}", {"username": f"c{number}", "plugins": {"key-auth": {"key": key}}}


def _object(kind: str, made: tuple[str, dict[str, Any]], revision: int) -> RawObject:
    return RawObject(kind, made[0], json.dumps(made[1]).encode(), revision, revision)


async def measure(routes: int, consumers: int) -> None:
    """Load it, change it one by one, match and identify."""
    gateway = Gateway(_services())
    objects = [_object("routes", _route(number, 0), 1) for number in range(routes)]
    objects += [_object("consumers", _consumer(number, 0), 1) for number in range(consumers)]
    random.seed(1)
    before = psutil.Process().memory_info().rss
    ticker = Ticker()
    await ticker.worst_ms()
    began = time.perf_counter()
    gc.disable()  # as a worker does it
    snapshot = await gateway.load(Batch(1, True, tuple(objects)))
    gc.freeze()
    gc.enable()
    took = time.perf_counter() - began
    assert not snapshot.refused
    grown = (psutil.Process().memory_info().rss - before) / 1e6
    print(f"\n{routes:,} routes, {consumers:,} consumers")
    print(f"  loaded in {took:.2f} s, worst stall {await ticker.worst_ms():.1f} ms, {grown:.0f} MB")
    await _change(gateway, ticker, "routes", _route, routes)
    await _change(gateway, ticker, "consumers", _consumer, consumers)
    await _look_up(gateway, routes, consumers)


async def _change(gateway: Gateway, ticker: Ticker, kind: str, make: Made, count: int) -> None:
    took, stalls = [], []
    for number in range(CHANGES):
        one = _object(kind, make(random.randrange(count), 1), 2 + number)
        await ticker.worst_ms()
        began = time.perf_counter()
        await gateway.load(Batch(2 + number, False, (one,)))
        took.append((time.perf_counter() - began) * 1000)
        stalls.append(await ticker.worst_ms())
    print(
        f"  one of the {kind} changed in {median(took):.2f} ms (worst {max(took):.2f}), "
        f"stall {median(stalls):.2f} ms (worst {max(stalls):.2f})"
    )


async def _look_up(gateway: Gateway, routes: int, consumers: int) -> None:
    """Match and identify requests to a hundred routes by a hundred callers, as caches see them."""
    paths = [f"/team{random.randrange(routes)}/v1/chat/completions" for _ in range(100)]
    digests = [sealing.digest(f"key-{random.randrange(consumers)}-0") for _ in range(100)]
    exchanges = [_exchange(gateway, random.choice(paths)) for _ in range(REQUESTS)]
    best_match = best_identify = 1e9
    for _ in range(5):
        began = time.process_time()
        for ex in exchanges:
            gateway.snapshot.match(ex)
        best_match = min(best_match, time.process_time() - began)
        began = time.process_time()
        for number in range(REQUESTS):
            gateway.snapshot.consumers.recognise("key-auth", digests[number % 100], 0.0)
        best_identify = min(best_identify, time.process_time() - began)
    unit = 1e6 / REQUESTS
    print(f"  matching {best_match * unit:.2f} us, identifying {best_identify * unit:.2f} us per request")


def _exchange(gateway: Gateway, path: str) -> Exchange:
    async def nothing() -> bytes:
        return b""

    return Exchange(
        id="1",
        snapshot=gateway.snapshot,
        method="POST",
        path=path,
        query="",
        scheme="http",
        host="gateway.test",
        headers=CIMultiDict(),
        client_ip="127.0.0.1",
        received_s=0.0,
        received_at=0.0,
        read_body=nothing,
    )


def _services() -> Services:
    unused: Any = None
    return Services(
        clock=SystemClock(),
        luck=random.Random(1),
        counters=unused,
        metrics=PlainMetrics(),
        secrets=NodeSecrets(""),
        transport=unused,
        spawn=_spawn,
    )


def _spawn(work: Coroutine[Any, Any, None], name: str) -> None:
    _running.append(asyncio.get_running_loop().create_task(work, name=name))


def main() -> None:
    """Measure small, then large."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale", description=__doc__)
    parser.add_argument("--routes", type=int, default=10_000)
    parser.add_argument("--consumers", type=int, default=100_000)
    options = parser.parse_args()
    registry.plugin_classes(), registry.protocol_list(), registry.provider_types()
    uvloop.run(measure(10, 10))
    uvloop.run(measure(options.routes, options.consumers))


if __name__ == "__main__":
    main()
