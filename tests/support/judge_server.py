"""A judge outside: a loopback server that answers as told and keeps what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.registry import load_plugin_config, plugin_classes
from tollhouse.dataplane.runtime.upstream.transport import LeanTransport

from tests.support.services import PlainSecrets, plain_services


class JudgeServer:
    """``answer`` is sent to everybody: JSON, bytes as they are, or what a function says to the question."""

    def __init__(self) -> None:
        self.answer: Any = {}
        self.status = 200
        self.delay_s = 0.0
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""
        self.transport = LeanTransport()

    async def take(self, request: web.Request) -> web.Response:
        self.asked.append(json.loads(await request.read()))
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        await asyncio.sleep(self.delay_s)
        answer = self.answer(self.asked[-1]) if callable(self.answer) else self.answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return web.Response(status=self.status, body=body, content_type="application/json")

    def plugin(self, name: str, **config: Any) -> Any:
        """A plugin that asks this server."""
        loaded, _ = load_plugin_config(name, config)
        secrets = PlainSecrets({"$env://JUDGE_KEY": "hush"})
        services = plain_services(transport=self.transport, secrets=secrets)
        return plugin_classes()[name](loaded, Place("routes", "r1"), services)


@asynccontextmanager
async def judge_server() -> AsyncIterator[JudgeServer]:
    """Running on a free port."""
    server = JudgeServer()
    app = web.Application()
    app.router.add_post("/{path:.*}", server.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await server.transport.close()
        await runner.cleanup()
