"""Google's replies and refusals. (Google's own SDK reads them in tests/clients.)"""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from tollhouse.cli.simulator import Simulator

ASKED: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "What is the weather in Paris?"}]}]}
CITY = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
TOOLS = [{"functionDeclarations": [{"name": "get_weather", "parameters": CITY}]}]
KEY = {"x-goog-api-key": "k"}


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator("gemini") as simulator:
        yield simulator


async def ask(
    sim: Simulator, body: dict[str, Any], method: str = "generateContent", model: str = "gemini-2.5-flash"
) -> tuple[int, str]:
    url = f"{sim.url}/v1beta/models/{model}:{method}"
    async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=KEY) as answer:
        return answer.status, await answer.text()


async def test_a_function_is_called_and_its_result_told(sim: Simulator) -> None:
    status, text = await ask(sim, {**ASKED, "tools": TOOLS})
    reply = json.loads(text)
    content = reply["candidates"][0]["content"]
    assert status == 200
    assert content["parts"][0]["functionCall"]["args"] == {"city": "Paris"}
    assert reply["usageMetadata"]["totalTokenCount"] > 0
    result = {"functionResponse": {"name": "get_weather", "response": {"output": "18 degrees"}}}
    contents = [*ASKED["contents"], content, {"role": "user", "parts": [result]}]
    _, text = await ask(sim, {"contents": contents, "tools": TOOLS})
    assert "18 degrees" in text


async def test_a_stream_comes_in_pieces_and_ends_with_a_reason(sim: Simulator) -> None:
    _, text = await ask(sim, {**ASKED, "generationConfig": {"maxOutputTokens": 99}}, "streamGenerateContent?alt=sse")
    events = [json.loads(event[6:]) for event in text.strip().split("\r\n\r\n")]
    assert len(events) > 4
    said = "".join(event["candidates"][0]["content"]["parts"][0]["text"] for event in events)
    assert "simulated" in said
    assert events[-1]["candidates"][0]["finishReason"] == "STOP"


async def test_structured_output_fits_googles_schema(sim: Simulator) -> None:
    config = {"responseMimeType": "application/json", "responseSchema": CITY}
    _, text = await ask(sim, {**ASKED, "generationConfig": config})
    assert json.loads(json.loads(text)["candidates"][0]["content"]["parts"][0]["text"]) == {"city": "Paris"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"contents": []}, "contents is not specified"),
        ({**ASKED, "stream": True}, "Unknown name"),
        ({"contents": [{"parts": [{"text": "a", "inlineData": {"mimeType": "image/png", "data": ""}}]}]}, "oneof"),
        ({"contents": [{"parts": [{"functionResponse": {"name": "f", "response": {}}}]}]}, "equal to the number"),
        ({**ASKED, "tools": [{"functionDeclarations": [{"name": "a b"}]}]}, "Invalid function name"),
        ({**ASKED, "toolConfig": {"functionCallingConfig": {"allowedFunctionNames": ["f"]}}}, "mode set to ANY"),
        ({**ASKED, "generationConfig": {"responseSchema": CITY}}, "response_mime_type"),
    ],
)
async def test_what_google_refuses_is_refused(sim: Simulator, body: dict[str, Any], message: str) -> None:
    status, text = await ask(sim, body)
    assert (status, json.loads(text)["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert message in json.loads(text)["error"]["message"]


async def test_models_are_listed_and_others_not_found(sim: Simulator) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{sim.url}/v1beta/models", headers=KEY) as answer:
        assert "models/gemini-2.5-flash" in [model["name"] for model in (await answer.json())["models"]]
    assert (await ask(sim, ASKED, model="gpt-4o"))[0] == 404
