"""OpenAI's own SDK at its other interfaces, through a node to a provider that has them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp.web
import pytest
from openai import AsyncOpenAI, NotFoundError, PermissionDeniedError

from tests.support.node import Node

KEY = "th-key-of-the-caller"
CONFIG = f"""
consumers:
  - username: agent
    plugins: {{key-auth: {{key: {KEY}}}}}
models:
  - id: gpt-4o
    targets: [{{provider: openai, model: gpt-4o}}]
  - id: voice
    targets: [{{provider: openai, model: gpt-4o-mini-tts}}]
routes:
  - id: everything
    uri: /*
    plugins:
      key-auth: {{}}
      ai-proxy-multi: {{models: "*"}}
"""
SOUND = bytes(range(256)) * 4096


class Vendor:
    """The interfaces, as far as these tests go."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes]] = []
        self.left = 0

    async def answer(self, request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        body = await request.read()
        assert request.headers["authorization"] == "Bearer sk-of-the-gateway"
        self.seen.append((request.method, request.path, body))
        if request.path == "/v1/audio/speech":
            return await self._speak(request)
        told: Any = {"id": request.path.rsplit("/", 1)[-1], "object": "response", "status": "completed", "output": []}
        if "missing" in request.path:
            error = {"message": "No such response.", "type": "invalid_request_error", "code": None, "param": None}
            return aiohttp.web.json_response({"error": error}, status=404)
        if request.path.endswith("/content"):
            return aiohttp.web.Response(body=SOUND, content_type="application/octet-stream")
        if request.path.endswith("/input_items"):
            told = {"object": "list", "data": [], "has_more": False}
        elif request.path == "/v1/files":
            told = {"id": "file-1", "object": "file", "bytes": 3, "created_at": 1, "filename": "a", "purpose": "batch"}
        elif request.path.startswith("/v1/audio"):
            told = {"text": "Hello."}
        return aiohttp.web.json_response(told)

    async def _speak(self, request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        response = aiohttp.web.StreamResponse(headers={"content-type": "audio/mpeg"})
        await response.prepare(request)
        try:
            for start in range(0, len(SOUND), 32768):
                await response.write(SOUND[start : start + 32768])
        except ConnectionError:
            self.left += 1
            raise
        return response


@pytest.fixture
async def vendor() -> AsyncIterator[tuple[Vendor, str]]:
    """A vendor, and its address."""
    made = Vendor()
    app = aiohttp.web.Application(client_max_size=1 << 24)
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield made, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def openai(vendor: tuple[Vendor, str], tmp_path: Path) -> AsyncIterator[AsyncOpenAI]:
    """The SDK, at a node of its own."""
    (tmp_path / "gateway.yaml").write_text(CONFIG)
    endpoint = {"TOLLHOUSE_ENDPOINT_OPENAI": vendor[1], "OPENAI_API_KEY": "sk-of-the-gateway"}
    node = Node(tmp_path, "--config", str(tmp_path / "gateway.yaml"), "--workers", "1", **endpoint).start()
    try:
        await node.ready()
        async with AsyncOpenAI(base_url=node.http("/v1"), api_key=KEY, max_retries=0) as client:
            yield client
    finally:
        node.kill()


async def test_the_sdk_reaches_all_of_them(openai: AsyncOpenAI, vendor: tuple[Vendor, str]) -> None:
    """Speech as it comes, forms and files with their bytes, and what is stored by its id."""
    speech = openai.audio.speech.with_streaming_response.create(model="voice", voice="alloy", input="Hello.")
    async with speech as reply:
        assert reply.headers["content-type"] == "audio/mpeg"
        assert "content-length" not in reply.headers
        assert b"".join([piece async for piece in reply.iter_bytes()]) == SOUND
    assert json.loads(vendor[0].seen[-1][2])["model"] == "gpt-4o-mini-tts"

    text = await openai.audio.transcriptions.create(model="gpt-4o", file=("a.wav", SOUND[:999]))
    assert text.text == "Hello."
    assert SOUND[:999] in vendor[0].seen[-1][2]

    uploaded = await openai.files.create(file=("a.jsonl", b"{}\n"), purpose="batch")
    assert uploaded.id == "file-1"
    assert (await openai.files.content("file-1")).content == SOUND
    with pytest.raises(PermissionDeniedError, match="shares_stored"):
        await openai.files.list()

    assert (await openai.responses.retrieve("resp_1")).id == "resp_1"
    assert (await openai.responses.input_items.list("resp_1")).data == []
    assert (await openai.responses.cancel("resp_1")).status == "completed"
    await openai.responses.delete("resp_1")
    with pytest.raises(NotFoundError, match="No such response"):
        await openai.responses.retrieve("resp_missing")
    counted = await openai.responses.input_tokens.count(model="gpt-4o", input="hello " * 50)
    assert counted.input_tokens > 20
    assert [seen[:2] for seen in vendor[0].seen[-5:]] == [
        ("GET", "/v1/responses/resp_1"),
        ("GET", "/v1/responses/resp_1/input_items"),
        ("POST", "/v1/responses/resp_1/cancel"),
        ("DELETE", "/v1/responses/resp_1"),
        ("GET", "/v1/responses/resp_missing"),
    ]
