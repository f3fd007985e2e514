"""Scripts, faults, the control paths and the log."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from tollhouse.cli.simulator import Script, Simulator

CHAT: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello there"}]}
KEY = {"authorization": "Bearer sk-x"}


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator("openai") as simulator:
        yield simulator


@pytest.fixture
async def http(sim: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(sim.url, headers=KEY) as session:
        yield session


async def test_control_path_scripts_and_log_tells(http: aiohttp.ClientSession) -> None:
    """POST /_simulate sets the mode, GET /_log shows headers, body and what was billed, DELETE /_log forgets."""
    async with http.post("/_simulate", json={"text": "as told", "times": 1}) as reply:
        assert reply.status == 200
    async with http.post("/v1/chat/completions", json=CHAT) as reply:
        assert (await reply.json())["choices"][0]["message"]["content"] == "as told"
    async with http.get("/_log") as reply:
        log = await reply.json()
    entry = log["entries"][0]
    assert entry["body"] == CHAT
    assert entry["headers"]["authorization"] == "Bearer sk-x"
    assert entry["billed"] == log["billed"] == {"input": 5, "output": 2}
    async with http.delete("/_log") as reply:
        assert (await reply.json())["requests"] == 0
    async with http.post("/_simulate", json={"statuss": 1}) as reply:
        assert reply.status == 400


async def test_cut_stream_is_no_clean_end(http: aiohttp.ClientSession, sim: Simulator) -> None:
    """After ``cut_after`` pieces the connection breaks, and only what was said is billed."""
    headers = {"x-simulate": "cut_after=3"}
    async with http.post("/v1/chat/completions", json={**CHAT, "stream": True}, headers=headers) as reply:
        with pytest.raises(aiohttp.ClientError):
            await reply.read()
    assert sim.log.entries[0].ended == "cut"
    assert sim.log.billed["output"] == 3


async def test_refused_connection_and_bad_json(http: aiohttp.ClientSession) -> None:
    """A hang-up without reply, and 400 in the provider's shape for broken JSON."""
    with pytest.raises(aiohttp.ClientError):
        await http.post("/v1/chat/completions", json=CHAT, headers={"x-simulate": "refuse_connection"})
    async with http.post("/v1/chat/completions", data=b"{") as reply:
        assert reply.status == 400
        assert (await reply.json())["error"]["type"] == "invalid_request_error"


async def test_leaving_client_is_noticed(http: aiohttp.ClientSession, sim: Simulator) -> None:
    """A client that leaves mid-stream ends the work; what was said until then is billed."""
    headers = {"x-simulate": "token_ms=20; tokens=500"}
    async with http.post("/v1/chat/completions", json={**CHAT, "stream": True}, headers=headers) as reply:
        await reply.content.readany()
        reply.close()
    for _ in range(100):
        if sim.log.entries[0].ended != "running":
            break
        await asyncio.sleep(0.02)
    assert sim.log.entries[0].ended == "client left"
    assert sim.log.billed["output"] < 500


async def test_flags_are_the_ground_and_stop_frees_the_port() -> None:
    """The script given at start holds for every request; a stopped simulator starts again on its port."""
    sim = Simulator("openai", script=Script(status=503))
    async with sim, aiohttp.ClientSession(headers=KEY) as http, http.post(sim.url + "/v1/chat/completions") as reply:
        assert reply.status == 503
    port = sim.port
    async with sim:
        assert sim.port == port


async def test_wrong_usage_is_reported_and_the_truth_is_billed(http: aiohttp.ClientSession) -> None:
    """``usage_times``: whole answers and streams tell another figure than the log."""
    await (await http.post("/_simulate", json={"usage_times": 10, "text": "as told"})).read()
    async with http.post("/v1/chat/completions", json=CHAT) as reply:
        told = (await reply.json())["usage"]
    stream = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
    async with http.post("/v1/chat/completions", json=stream) as reply:
        streamed = await reply.text()
    assert (told["prompt_tokens"], told["completion_tokens"]) == (50, 20)
    assert '"completion_tokens": 20' in streamed or '"completion_tokens":20' in streamed
    async with http.get("/_log") as reply:
        assert [one["billed"] for one in (await reply.json())["entries"]] == [{"input": 5, "output": 2}] * 2
