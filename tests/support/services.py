"""Services of a worker for tests: real arithmetic, no sockets. Time stands still until it is moved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy
from tollhouse.dataplane.config.snapshot import Snapshot
from tollhouse.dataplane.errors import GatewayFault
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.services import Cell, Counters, Distribution, Limit, Metrics, Secrets, Services, Taken
from tollhouse.dataplane.transport import Transport, UpstreamRequest, UpstreamResponse


class StillClock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now + 1_700_000_000

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


class FixedLuck:
    """Always the same."""

    def __init__(self, value: float = 0.5) -> None:
        self.value = value

    def random(self) -> float:
        return self.value


class PlainCounters(Counters):
    """Counts without windows."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {}

    async def take(self, limit: Limit, amount: int = 1, *, partial: bool = False) -> Taken:
        used = self.used.get(limit.key, 0)
        allowed = used + amount <= limit.amount or (partial and used < limit.amount)
        if allowed:
            self.used[limit.key] = used + amount
        return Taken(allowed, max(0, limit.amount - self.used.get(limit.key, 0)), float(limit.window_s))

    def settle(self, limit: Limit, difference: int, taken: Taken | None = None) -> None:
        self.used[limit.key] = self.used.get(limit.key, 0) + difference

    async def look(self, limit: Limit) -> Taken:
        left = limit.amount - self.used.get(limit.key, 0)
        return Taken(left > 0, max(0, left), float(limit.window_s))


class Number(Cell, Distribution):
    """One series; ``value`` is its sum or last value."""

    def __init__(self) -> None:
        self.value = 0.0
        self.observe = self.add

    def add(self, amount: float = 1) -> None:
        self.value += amount

    def set(self, value: float) -> None:
        self.value = value

    def exemplify(self, value: float, trace_id: str) -> None:
        pass


class PlainMetrics(Metrics):
    """Series by family and labels."""

    def __init__(self) -> None:
        self.series: dict[tuple[str, ...], Number] = {}

    def _family(self, name: str) -> Callable[..., Number]:
        return lambda *labels: self.series.setdefault((name, *labels), Number())

    def counter(self, name: str, help: str, labels: tuple[str, ...]) -> Callable[..., Number]:
        return self._family(name)

    def gauge(self, name: str, help: str, labels: tuple[str, ...]) -> Callable[..., Number]:
        return self._family(name)

    def histogram(
        self, name: str, help: str, labels: tuple[str, ...], buckets: tuple[float, ...]
    ) -> Callable[..., Number]:
        return self._family(name)

    async def exposition(self) -> bytes:
        return b"\n".join(f"{key} {one.value}".encode() for key, one in self.series.items())


class PlainSecrets(Secrets):
    """References are looked up in a dict."""

    def __init__(self, known: dict[str, str] | None = None) -> None:
        self.known = known or {}

    def reveal(self, text: str) -> str:
        if not text.startswith(("$env://", "$secret://")):
            return text
        if text not in self.known:
            raise GatewayFault("secret_unavailable", f"{text} is not there")
        return self.known[text]


class NoTransport(Transport):
    """Nothing may be sent."""

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        raise AssertionError(f"{request.method} {request.origin}{request.target} was sent")

    async def close(self) -> None:
        return None


class Background:
    """Runs what is spawned and remembers it."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    def __call__(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(work, name=name))


def plain_services(**others: Any) -> Services:
    """Services with everything plain; name those that should be something else."""
    parts: dict[str, Any] = {
        "clock": StillClock(),
        "luck": FixedLuck(),
        "counters": PlainCounters(),
        "metrics": PlainMetrics(),
        "secrets": PlainSecrets(),
        "transport": NoTransport(),
        "spawn": Background(),
    }
    return Services(**{**parts, **others})


def request(
    snapshot: Snapshot,
    path: str = "/",
    *,
    method: str = "GET",
    query: str = "",
    host: str = "gateway.test",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    client_ip: str = "127.0.0.1",
    raw_path: str | None = None,
) -> Exchange:
    """An exchange as the server would make it."""

    async def read_body() -> bytes:
        return body

    return Exchange(
        id="req-1",
        snapshot=snapshot,
        method=method,
        path=path,
        query=query,
        scheme="http",
        host=host,
        headers=CIMultiDictProxy(CIMultiDict({"content-length": str(len(body)), **(headers or {})})),
        client_ip=client_ip,
        received_s=1000.0,
        received_at=1_700_001_000.0,
        read_body=read_body,
        raw_path=raw_path,
    )
