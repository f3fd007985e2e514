"""Anthropic's replies, read by Anthropic's own SDK."""

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic
from tollhouse.cli.simulator import Simulator

TOOLS: Any = [
    {"name": name, "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
    for name in ("get_weather", "get_time")
]


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator("anthropic", key="sk-right", cache_min_tokens=16) as simulator:
        yield simulator


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=sim.url, api_key="sk-right", max_retries=0) as made:
        yield made


async def test_stream_of_text_and_tools(client: AsyncAnthropic) -> None:
    """The SDK puts a streamed message with two tool uses together."""
    async with client.messages.stream(
        model="claude-sonnet-4-5",
        max_tokens=100,
        tools=TOOLS,
        messages=[{"role": "user", "content": "weather and time in Paris"}],
    ) as stream:
        message = await stream.get_final_message()
    uses = [block for block in message.content if block.type == "tool_use"]
    assert [(use.name, use.input) for use in uses] == [
        ("get_weather", {"city": "Paris"}),
        ("get_time", {"city": "Paris"}),
    ]
    assert message.stop_reason == "tool_use"


async def test_cache_is_written_then_read(client: AsyncAnthropic) -> None:
    """A marked system prompt is charged as written, then as read, and never as plain input."""
    system: Any = [{"type": "text", "text": "be brief " * 40, "cache_control": {"type": "ephemeral"}}]
    usages = []
    for _ in range(2):
        reply = await client.messages.create(
            model="claude-x", max_tokens=50, system=system, messages=[{"role": "user", "content": "hi"}]
        )
        usages.append(reply.usage)
    assert (usages[0].cache_creation_input_tokens, usages[0].cache_read_input_tokens) == (90, 0)
    assert (usages[1].cache_creation_input_tokens, usages[1].cache_read_input_tokens) == (0, 90)
    assert usages[0].input_tokens == usages[1].input_tokens < 10


async def test_thinking_blocks_are_signed(client: AsyncAnthropic) -> None:
    """With thinking enabled the reply begins with a signed thinking block."""
    async with client.messages.stream(
        model="claude-x",
        max_tokens=3000,
        thinking={"type": "enabled", "budget_tokens": 1024},
        messages=[{"role": "user", "content": "hi"}],
    ) as stream:
        message = await stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[0].signature  # type: ignore[union-attr]


async def test_models_and_counting(client: AsyncAnthropic) -> None:
    """The list of models, and counted tokens."""
    assert "claude-3-sonnet" in [model.id async for model in client.models.list()]
    counted = await client.messages.count_tokens(model="claude-x", messages=[{"role": "user", "content": "hi there"}])
    assert counted.input_tokens > 0


async def test_overload_and_wrong_keys(client: AsyncAnthropic, sim: Simulator) -> None:
    """529 and 401 in Anthropic's shape."""
    sim.simulate(status=529, times=1)
    with pytest.raises(anthropic.APIStatusError) as caught:
        await client.models.list()
    assert caught.value.status_code == 529
    assert caught.value.body["error"]["type"] == "overloaded_error"  # type: ignore[index, call-overload]
    await client.models.list()
    with pytest.raises(anthropic.AuthenticationError):
        await client.with_options(api_key="sk-wrong").models.list()
