"""OpenAI's responses, read by OpenAI's own SDK."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from tollhouse.cli.simulator import Simulator

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [{"type": "function", "name": "get_weather", "parameters": CITY}, {"type": "custom", "name": "patch"}]


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator("openai", cache_min_tokens=16) as simulator:
        yield simulator


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=sim.url + "/v1", api_key="sk-x", max_retries=0) as made:
        yield made


async def test_stored_answers_can_be_gone_on_from(client: AsyncOpenAI) -> None:
    """``previous_response_id`` names what was stored, and nothing else."""
    first = await client.responses.create(model="gpt-5", input="My name is Ada.")
    assert "simulated" in first.output_text
    assert first.usage
    again = await client.responses.create(model="gpt-5", input="And?", previous_response_id=first.id)
    assert again.usage
    assert again.usage.input_tokens > first.usage.input_tokens
    unstored = await client.responses.create(model="gpt-5", input="x", store=False)
    with pytest.raises(openai.BadRequestError, match="not found"):
        await client.responses.create(model="gpt-5", input="And?", previous_response_id=unstored.id)


async def test_stream_has_every_event_in_order(client: AsyncOpenAI) -> None:
    """The SDK puts reasoning, a function's and a free-form tool's call together from the events."""
    async with client.responses.stream(
        model="gpt-5", input="weather and patch for Paris", tools=TOOLS, reasoning={"effort": "high"}
    ) as stream:
        numbers = [event.sequence_number async for event in stream]  # type: ignore[union-attr]
        final = await stream.get_final_response()
    assert numbers == list(range(len(numbers)))
    assert [item.type for item in final.output] == ["reasoning", "function_call", "custom_tool_call"]
    call: Any = final.output[1]
    assert (call.name, call.arguments) == ("get_weather", '{"city": "Paris"}')


async def test_steps_of_a_task_are_taken_one_by_one(client: AsyncOpenAI, sim: Simulator) -> None:
    """The script says what is called in which round; after the last the tools' results are told."""
    steps = [{"calls": {"patch": "*** one", "get_weather": [{"city": "A"}, {"city": "B"}]}}, {"calls": {"patch": "2"}}]
    sim.simulate(steps=steps)
    items: list[Any] = [{"role": "user", "content": "go"}]
    seen = []
    for _ in range(3):
        reply = await client.responses.create(model="gpt-5", input=items, tools=TOOLS, store=False)
        calls = [item for item in reply.output if item.type in ("function_call", "custom_tool_call")]
        seen.append([item.input if item.type == "custom_tool_call" else item.arguments for item in calls])
        items += [item.model_dump(exclude_none=True) for item in calls]
        items += [{"type": f"{one.type}_output", "call_id": one.call_id, "output": "ok"} for one in calls]
    assert seen == [["*** one", '{"city": "A"}', '{"city": "B"}'], ["2"], []]
    assert reply.output_text == "The tool says: ok"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"input": "x", "max_output_tokens": 3}, "max_output_tokens"),
        ({"input": "x", "seed": 1}, "Unknown parameter: 'seed'"),
        ({"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]}, "output_text"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "No tool call found"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]}, "No tool output"),
        ({"input": [{"type": "reasoning", "summary": [], "encrypted_content": "tollhse1x"}]}, "could not be verified"),
        ({"input": "x", "tools": [{"type": "function", "name": "a b"}]}, "does not match pattern"),
        (
            {
                "input": "x",
                "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}},
            },
            "addi",
        ),
        ({"input": "x", "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}}, 'type: "object"'),
        ({"input": "x", "text": {"format": {"type": "json_object"}}}, "contain the word 'json'"),
    ],
)
async def test_what_openai_refuses_is_refused(client: AsyncOpenAI, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(openai.BadRequestError, match=message):
        await client.post("/responses", body={"model": "gpt-5", **fields}, cast_to=object)
