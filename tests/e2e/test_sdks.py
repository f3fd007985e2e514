"""The vendors' own SDKs, both against both providers, through the gateway."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from tests.support.system import System

CATALOGUE = Path(__file__).parents[2] / "deploy/examples/catalogue.yaml"
KEY = "th-key-of-the-e2e-agent"
MODELS = ["gpt-4o", "claude-sonnet-4-5", "qwen3-32b"]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
NAMES = ("get_weather", "get_time")
OPENAI_TOOLS: Any = [{"type": "function", "function": {"name": name, "parameters": CITY}} for name in NAMES]
ANTHROPIC_TOOLS: Any = [{"name": name, "input_schema": CITY} for name in NAMES]
QUESTION = "What are the weather and the time in Paris?"


@pytest.fixture
def catalogue(system: System) -> System:
    """A system with the demo's catalogue and a key for its agent."""
    text = CATALOGUE.read_text().replace("http://127.0.0.1:9603", system.simulators.qwen.url)
    system.ctl("apply", "-f", "-", stdin=text)
    system.put("consumers/demo-agent/credentials/e2e", {"plugins": {"key-auth": {"key": KEY}}})
    return system


@pytest.fixture
async def openai(catalogue: System) -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's SDK, at the gateway."""
    async with AsyncOpenAI(base_url=f"{catalogue.node.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
async def anthropic(catalogue: System) -> AsyncIterator[AsyncAnthropic]:
    """Anthropic's SDK, at the gateway."""
    async with AsyncAnthropic(base_url=catalogue.node.url, api_key=KEY, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", MODELS)
async def test_openai_sdk_calls_tools_and_goes_on(openai: AsyncOpenAI, model: str, stream: bool) -> None:
    """Two parallel calls with arguments come back; with their results the model answers in text, with usage."""
    messages: list[Any] = [{"role": "user", "content": QUESTION}]

    async def turn() -> Any:
        if not stream:
            return await openai.chat.completions.create(model=model, messages=messages, tools=OPENAI_TOOLS)
        options: Any = {"include_usage": True}
        async with openai.chat.completions.stream(
            model=model, messages=messages, tools=OPENAI_TOOLS, stream_options=options
        ) as events:
            async for _ in events:
                pass
            return await events.get_final_completion()

    first = await turn()
    calls = first.choices[0].message.tool_calls or []
    assert [(call.function.name, call.function.arguments.replace(" ", "")) for call in calls] == [
        (name, '{"city":"Paris"}') for name in NAMES
    ]
    assert first.choices[0].finish_reason == "tool_calls"
    messages.append(
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.function.name, "arguments": call.function.arguments},
                }
                for call in calls
            ],
        }
    )
    messages += [{"role": "tool", "tool_call_id": call.id, "content": f"{n} o'clock"} for n, call in enumerate(calls)]
    last = await turn()
    assert "0 o'clock / 1 o'clock" in (last.choices[0].message.content or "")
    assert last.usage.prompt_tokens > 0
    assert last.usage.completion_tokens > 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", MODELS)
async def test_anthropic_sdk_calls_tools_and_goes_on(anthropic: AsyncAnthropic, model: str, stream: bool) -> None:
    """The same in Anthropic's format."""
    messages: list[Any] = [{"role": "user", "content": QUESTION}]

    async def turn() -> Any:
        request: Any = {"model": model, "max_tokens": 500, "messages": messages, "tools": ANTHROPIC_TOOLS}
        if not stream:
            return await anthropic.messages.create(**request)
        async with anthropic.messages.stream(**request) as events:
            async for _ in events:
                pass
            return await events.get_final_message()

    first = await turn()
    uses = [block for block in first.content if block.type == "tool_use"]
    assert [(use.name, use.input) for use in uses] == [(name, {"city": "Paris"}) for name in NAMES]
    assert first.stop_reason == "tool_use"
    said = [{"type": "tool_use", "id": use.id, "name": use.name, "input": use.input} for use in uses]
    results = [{"type": "tool_result", "tool_use_id": use.id, "content": f"{n} o'clock"} for n, use in enumerate(uses)]
    messages += [{"role": "assistant", "content": said}, {"role": "user", "content": results}]
    last = await turn()
    assert "0 o'clock / 1 o'clock" in "".join(block.text for block in last.content if block.type == "text")
    assert last.stop_reason == "end_turn"
    assert last.usage.input_tokens > 0
    assert last.usage.output_tokens > 0


async def test_both_sdks_list_the_models(openai: AsyncOpenAI, anthropic: AsyncAnthropic) -> None:
    """GET /v1/models answers each in its own form."""
    listed = {model.id async for model in openai.models.list()}
    assert set(MODELS) <= listed
    assert set(MODELS) <= {model.id async for model in anthropic.models.list()}


async def test_wrong_key_is_an_authentication_error(catalogue: System) -> None:
    """Each SDK raises its own exception with the gateway's words."""
    import anthropic
    import openai

    async with AsyncOpenAI(base_url=f"{catalogue.node.url}/v1", api_key="th-wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            await client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])
    async with AsyncAnthropic(base_url=catalogue.node.url, api_key="th-wrong", max_retries=0) as other:
        with pytest.raises(anthropic.AuthenticationError):
            await other.messages.create(model="gpt-4o", max_tokens=9, messages=[{"role": "user", "content": "x"}])


async def test_stream_that_breaks_does_not_end_cleanly(catalogue: System, openai: AsyncOpenAI) -> None:
    """A provider that hangs up after content is an error for the SDK, never a short answer."""
    catalogue.simulators.qwen.simulate(cut_after=3)
    stream = await openai.chat.completions.create(
        model="qwen3-32b", messages=[{"role": "user", "content": "hi there you"}], stream=True
    )
    with pytest.raises(Exception) as caught:  # the SDK's own, or its HTTP library's
        _ = [chunk async for chunk in stream]
    assert caught.type.__module__.startswith(("openai", "httpx"))


@pytest.mark.parametrize("model", MODELS)
async def test_openai_sdk_takes_responses_from_every_model(openai: AsyncOpenAI, model: str) -> None:
    """Streamed calls with every event in order; with their results the model answers in text, with usage."""
    tools: Any = [{"type": "function", "name": name, "parameters": CITY, "strict": False} for name in NAMES]
    items: list[Any] = [{"role": "user", "content": QUESTION}]
    async with openai.responses.stream(model=model, input=items, tools=tools, store=False) as events:
        numbers = [event.sequence_number async for event in events]  # type: ignore[union-attr]
        first = await events.get_final_response()
    assert numbers == list(range(len(numbers)))
    calls = [item for item in first.output if item.type == "function_call"]
    assert [(call.name, call.arguments.replace(" ", "")) for call in calls] == [
        (name, '{"city":"Paris"}') for name in NAMES
    ]
    items += [
        {"type": "function_call", "call_id": one.call_id, "name": one.name, "arguments": one.arguments} for one in calls
    ]
    items += [{"type": "function_call_output", "call_id": one.call_id, "output": "now"} for one in calls]
    last = await openai.responses.create(model=model, input=items, tools=tools, store=False)
    assert "now / now" in last.output_text
    assert last.usage is not None
    assert last.usage.total_tokens == last.usage.input_tokens + last.usage.output_tokens
