"""A gateway with a real transport in front of fake providers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.gateway import Gateway
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.runtime.upstream.transport import LeanTransport

from tests.support.services import Background, PlainMetrics, PlainSecrets, plain_services, request

KEYS = {"$env://OPENAI_API_KEY": "sk-openai-real", "$env://ANTHROPIC_API_KEY": "sk-ant-real"}


class RealClock:
    """The machine's own time."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Answer:
    """A reply that was read to its end, with the exchange it belongs to."""

    def __init__(self, reply: Reply, ex: Exchange, body: bytes) -> None:
        self.reply = reply
        self.ex = ex
        self.status = reply.status
        self.body = body

    @property
    def json(self) -> Any:
        """The body as data."""
        return json.loads(self.body)

    def header(self, name: str) -> str:
        """A header that must be there."""
        value = self.reply.header(name)
        assert value is not None, (name, self.reply.headers)
        return value


class Bench:
    """One gateway; ``ask`` sends requests through all of it but the server."""

    def __init__(self, transport: LeanTransport) -> None:
        self.metrics = PlainMetrics()
        self.background = Background()
        self.services = plain_services(
            clock=RealClock(),
            transport=transport,
            metrics=self.metrics,
            secrets=PlainSecrets(KEYS),
            spawn=self.background,
        )
        self.gateway = Gateway(self.services)
        self._revision = 0

    async def load(self, **kinds: dict[str, Any]) -> None:
        """Replace the configuration: ``routes={"1": {...}}``."""
        self._revision += 1
        puts = tuple(
            RawObject(kind, object_id, json.dumps(value).encode(), self._revision, self._revision)
            for kind, objects in kinds.items()
            for object_id, value in objects.items()
        )
        snapshot = await self.gateway.load(Batch(self._revision, True, puts))
        assert not snapshot.refused, snapshot.refused

    async def multi(self, *instances: dict[str, Any], **config: Any) -> None:
        """One route for every path with ``ai-proxy-multi``."""
        plugins = {"ai-proxy-multi": {"instances": list(instances), **config}}
        await self.load(routes={"r": {"uri": "/*", "plugins": plugins}})

    async def begin(
        self, body: Any, path: str = "/v1/chat/completions", headers: dict[str, str] | None = None, query: str = ""
    ) -> tuple[Reply, Exchange]:
        """The reply's head; its stream is the caller's to read and close."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        ex = request(self.gateway.snapshot, path, method="POST", headers=headers, body=raw, query=query)
        return await self.gateway.answer(ex), ex

    async def ask(
        self, body: Any, path: str = "/v1/chat/completions", headers: dict[str, str] | None = None, query: str = ""
    ) -> Answer:
        """A request, its reply read to the end, and finished."""
        reply, ex = await self.begin(body, path, headers, query)
        data = reply.body
        if reply.stream is not None:
            data = b"".join([piece async for piece in reply.stream])
        self.gateway.finish(ex)
        return Answer(reply, ex, data)

    def counted(self, name: str, **_: Any) -> dict[tuple[str, ...], float]:
        """The series of a family."""
        return {key[1:]: one.value for key, one in self.metrics.series.items() if key[0] == name}


@contextlib.asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """A bench that leaves nothing open."""
    transport = LeanTransport()
    made = Bench(transport)
    try:
        yield made
    finally:
        await made.gateway.close()
        for task in made.background.tasks:
            task.cancel()
        await asyncio.gather(*made.background.tasks, return_exceptions=True)
        await transport.close()


def instance(name: str, provider: str, url: str, **more: Any) -> dict[str, Any]:
    """An instance at a fake's address."""
    made = {"name": name, "provider": provider, "weight": 1, "override": {"endpoint": url}}
    if provider == "openai-compatible":
        made["auth"] = {"header": {"authorization": "Bearer local"}}
    return {**made, **more}


def chat(text: str = "Hi", *, model: str = "gpt-4o-mini", **more: Any) -> dict[str, Any]:
    """An OpenAI request."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def message(text: str = "Hi", *, model: str = "claude-haiku-4-5", **more: Any) -> dict[str, Any]:
    """An Anthropic request."""
    return {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": text}], **more}


def data_lines(body: bytes) -> Sequence[Any]:
    """The JSON events of a stream, without the end mark."""
    lines = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]
