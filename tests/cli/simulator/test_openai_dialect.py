"""OpenAI's replies, read by OpenAI's own SDK."""

from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncOpenAI
from tollhouse.cli.simulator import Simulator

TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
    }
    for name in ("get_weather", "get_time")
]


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator("openai", cache_min_tokens=16) as simulator:
        yield simulator


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=sim.url + "/v1", api_key="sk-x", max_retries=0) as made:
        yield made


async def test_answer_with_usage_and_cache(client: AsyncOpenAI) -> None:
    """A reply in one piece; the same prompt again reports cached tokens."""
    long = [{"role": "user", "content": "tell me " * 40}]
    first = await client.chat.completions.create(model="gpt-4o", messages=long)  # type: ignore[arg-type]
    again = await client.chat.completions.create(model="gpt-4o", messages=long)  # type: ignore[arg-type]
    assert "simulated" in (first.choices[0].message.content or "")
    assert first.usage
    assert first.usage.prompt_tokens_details
    assert first.usage.prompt_tokens_details.cached_tokens == 0
    assert again.usage
    assert again.usage.prompt_tokens_details
    assert again.usage.prompt_tokens_details.cached_tokens == 80


async def test_stream_of_tool_calls(client: AsyncOpenAI, sim: Simulator) -> None:
    """Parallel calls with streamed arguments, then usage in a chunk without choices."""
    async with client.chat.completions.stream(
        model="gpt-4o",
        messages=[{"role": "user", "content": "weather and time in Paris"}],
        tools=TOOLS,  # type: ignore[arg-type]
        stream_options={"include_usage": True},
    ) as stream:
        final = await stream.get_final_completion()
    calls = final.choices[0].message.tool_calls or []
    assert [(call.function.name, call.function.arguments) for call in calls] == [
        ("get_weather", '{"city": "Paris"}'),
        ("get_time", '{"city": "Paris"}'),
    ]
    assert final.choices[0].finish_reason == "tool_calls"
    assert final.usage
    assert sim.log.billed["output"] == final.usage.completion_tokens


async def test_models_and_embeddings(client: AsyncOpenAI) -> None:
    """The list of models, and vectors of length one in both encodings."""
    assert "gpt-4o" in [model.id async for model in client.models.list()]
    vectors = await client.embeddings.create(model="text-embedding-3-small", input=["a", "b"], dimensions=8)
    assert [len(one.embedding) for one in vectors.data] == [8, 8]
    assert sum(value**2 for value in vectors.data[0].embedding) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, openai.AuthenticationError), (429, openai.RateLimitError), (500, openai.InternalServerError)],
)
async def test_errors_become_sdk_exceptions(
    client: AsyncOpenAI, status: int, kind: type[openai.APIStatusError]
) -> None:
    """Each status is the SDK's exception, with Retry-After where asked for."""
    with pytest.raises(kind) as caught:
        await client.models.list(extra_headers={"x-simulate": f"status={status}; retry_after=7"})
    assert caught.value.response.headers["retry-after"] == "7"


async def test_error_inside_a_stream(client: AsyncOpenAI) -> None:
    """An error event after some content is an APIError in the SDK."""
    stream = await client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": "hi"}],
        stream=True,
        extra_headers={"x-simulate": "error_after=2; message=went wrong"},
    )
    with pytest.raises(openai.APIError, match="went wrong"):
        _ = [chunk async for chunk in stream]


async def test_unknown_model_is_404(client: AsyncOpenAI) -> None:
    """OpenAI does not know Claude."""
    with pytest.raises(openai.NotFoundError, match="claude-3-sonnet"):
        await client.chat.completions.create(model="claude-3-sonnet", messages=[{"role": "user", "content": "hi"}])


async def test_local_qwen_needs_no_key_and_ignores_unknown_fields() -> None:
    """vLLM's manners."""
    async with Simulator("qwen") as sim, AsyncOpenAI(base_url=sim.url + "/v1", api_key="none") as client:
        reply = await client.chat.completions.create(
            model="qwen3-32b", messages=[{"role": "user", "content": "hi"}], extra_body={"top_k": 3}
        )
        assert reply.choices[0].message.content
        with pytest.raises(openai.NotFoundError) as caught:
            await client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
        assert caught.value.body["code"] == 404  # type: ignore[index, call-overload]
