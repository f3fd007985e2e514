"""What agents were measured to need of a gateway and no client in our tests shows: bytes, sizes, keys and headers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.web
import pytest

from tests.support.node import Node
from tests.support.providers import ANTHROPIC_STREAM, OPENAI_STREAM

KEY = "th-key-of-the-agent"
CONFIG = f"""
consumers:
  - username: agent
    plugins: {{key-auth: {{key: {KEY}}}}}
routes:
  - id: everything
    uri: /*
    plugins:
      key-auth: {{}}
      ai-proxy-multi:
        instances:
          - {{name: claude, provider: anthropic, weight: 1, serves: ["claude-*"]}}
          - {{name: gpt, provider: openai, weight: 1, serves: ["gpt-*"]}}
"""
TEXT = "line\u2028line\u2029\u0085 \U0001f600 é"
DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}}
EVENT = b"event: content_block_delta\ndata: " + json.dumps(DELTA, ensure_ascii=False).encode() + b"\n\n"
STREAM = b"".join(ANTHROPIC_STREAM[:2]) + EVENT + b"".join(ANTHROPIC_STREAM[2:])
IMAGE = "A" * (15 << 20)
"""Of base64; two of them are nearly what Anthropic takes at most."""


class Vendor:
    """Answers every request with a stream, cut inside of characters; keeps what came."""

    def __init__(self) -> None:
        self.seen: list[aiohttp.web.Request] = []
        self.sizes: list[int] = []

    async def answer(self, request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        self.seen.append(request)
        body = await request.read()
        self.sizes.append(len(body))
        if b"-slow" in body:
            await asyncio.sleep(0.4)
        if b"-slow-broken" in body:
            error = {"type": "overloaded_error", "message": "Too much."}
            return aiohttp.web.json_response({"error": error}, status=529)
        response = aiohttp.web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        if request.path != "/v1/messages":
            await response.write(b"".join(OPENAI_STREAM))
            return response
        for start in range(0, len(STREAM), 97):
            await response.write(STREAM[start : start + 97])
            await asyncio.sleep(0)
        return response


@pytest.fixture
async def vendor() -> AsyncIterator[tuple[Vendor, str]]:
    """Both vendors at one address."""
    made = Vendor()
    app = aiohttp.web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    yield made, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def node(vendor: tuple[Vendor, str], tmp_path: Path) -> AsyncIterator[Node]:
    """A node of its own."""
    (tmp_path / "gateway.yaml").write_text(CONFIG)
    at = {f"TOLLHOUSE_ENDPOINT_{name}": vendor[1] for name in ("OPENAI", "ANTHROPIC")}
    at["TOLLHOUSE_KEEPALIVE_S"] = "0.1"
    keys = {"OPENAI_API_KEY": "sk-real", "ANTHROPIC_API_KEY": "sk-real"}
    made = Node(tmp_path, "--config", str(tmp_path / "gateway.yaml"), "--workers", "1", **at, **keys).start()
    try:
        yield await made.ready()
    finally:
        made.kill()


def picture(model: str) -> dict[str, Any]:
    """A session with two large pictures."""
    source = {"type": "base64", "media_type": "image/png", "data": IMAGE}
    content = [{"type": "image", "source": source}, {"type": "image", "source": source}]
    return {"model": model, "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": content}]}


async def test_agents_are_served_as_they_are(node: Node, vendor: tuple[Vendor, str]) -> None:
    """Any of the four headers for the key on both formats' paths, headers nobody knows, separators inside of texts,
    characters cut in two, and bodies of 30 MB on either side of a translation."""
    plain = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9, "stream": True}
    odd = {
        "x-stainless-retry-count": "0",
        "x-app": "cli",
        "anthropic-dangerous-direct-browser-access": "true",
        "x-codex-turn-metadata": "{}",
        "session-id": "s",
        "sec-fetch-mode": "cors",
        "accept-encoding": "gzip, deflate, br, zstd",
        "anthropic-beta": "a-1,b-2",
    }
    keys = [("authorization", f"Bearer {KEY}"), ("x-api-key", KEY), ("api-key", KEY), ("x-goog-api-key", KEY)]
    async with aiohttp.ClientSession(auto_decompress=False) as client:
        for name, value in keys:
            for path, model in (("/v1/messages?beta=true", "claude-x"), ("/v1/chat/completions", "gpt-x")):
                headers = {**odd, name: value}
                async with client.post(node.http(path), json={**plain, "model": model}, headers=headers) as reply:
                    body = await reply.read()
                    assert reply.status == 200, body
                    assert "content-encoding" not in reply.headers
                    assert reply.headers["content-type"].startswith("text/event-stream")
                    shown = "request-id" if model == "claude-x" else "x-request-id"  # where the SDKs look for it
                    assert reply.headers[shown] == reply.headers["x-tollhouse-request-id"]
                if model == "claude-x":
                    assert body == STREAM
                sent = vendor[0].seen[-1]
                assert KEY not in str(sent.headers)
                assert "sk-real" in sent.headers.get("x-api-key", "") + sent.headers.get("authorization", "")
                if model == "claude-x":
                    assert (sent.query_string, sent.headers["anthropic-beta"]) == ("beta=true", "a-1,b-2")
        crossed = {"model": "claude-x", **plain}
        async with client.post(node.http("/v1/chat/completions"), json=crossed, headers=dict(keys[:1])) as reply:
            lines = (await reply.text()).split("\n")
            chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
            said = "".join(one["choices"][0]["delta"].get("content") or "" for one in chunks if one["choices"])
            assert TEXT in said
        for model in ("claude-x", "gpt-x"):
            async with client.post(node.http("/v1/messages"), json=picture(model), headers=dict(keys[:1])) as reply:
                assert reply.status == 200, await reply.text()
                await reply.read()
            assert vendor[0].sizes[-1] > 30 << 20
        over = json.dumps(picture("claude-x"))[:-1] + " " * (2 << 20) + "}"
        async with client.post(node.http("/v1/messages"), data=over, headers=dict(keys[:1])) as reply:
            assert reply.status == 413
            assert (await reply.json())["error"]["type"] == "request_too_large"


WAITING = [
    ("/v1/chat/completions", b": keepalive\n\n", b'data: {"error":'),
    ("/v1/messages", b'event: ping\ndata: {"type": "ping"}\n\n', b'event: error\ndata: {"type":"error"'),
    ("/v1/responses", b": keepalive\n\n", b"event: response.failed\n"),
    ("/v1beta/models/claude-slow:streamGenerateContent?alt=sse", b"\n\n", b'data: {"error":'),
]


async def test_who_waits_long_sees_signs_of_life_in_the_own_format(node: Node) -> None:
    """Before the first event of any format; what then fails is told by an event, and without a stream by a status."""
    said = [{"role": "user", "content": "hi"}]
    asked: dict[str, Any] = {"max_tokens": 9, "stream": True}
    async with aiohttp.ClientSession(headers={"x-api-key": KEY}) as client:
        for (path, sign, failed), broken in product(WAITING, (False, True)):
            model = "claude-slow-broken" if broken else "claude-slow"
            body = {**asked, "model": model, "input" if "responses" in path else "messages": said}
            if "beta" in path:
                body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
                path = path.replace("claude-slow", model)
            async with client.post(node.http(path), json=body) as reply:
                assert (reply.status, reply.content_type) == (200, "text/event-stream")
                told = await reply.read()
            assert told.startswith(sign), (path, told)
            assert (failed in told, b"Too much." in told) == (broken, broken), (path, told)
        whole = {**asked, "model": "claude-slow-broken", "messages": said, "stream": False}
        async with client.post(node.http("/v1/messages"), json=whole) as reply:
            assert reply.status == 529
