"""Pydantic AI, with its OpenAI or its Anthropic model."""

import os

import harness
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent

if os.environ["KIND"] == "anthropic":
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    def make():
        sdk = AsyncAnthropic(base_url=harness.URL, api_key=harness.KEY, max_retries=0)
        return AnthropicModel(harness.MODEL, provider=AnthropicProvider(anthropic_client=sdk))
else:
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    def make():
        sdk = AsyncOpenAI(base_url=f"{harness.URL}/v1", api_key=harness.KEY, max_retries=0)
        return OpenAIChatModel(harness.MODEL, provider=OpenAIProvider(openai_client=sdk))


class Place(BaseModel):
    """A place."""

    city: str


async def chat():
    return (await Agent(make()).run(harness.PROMPT)).output


async def stream():
    async with Agent(make()).run_stream(harness.PROMPT) as reply:
        return [piece async for piece in reply.stream_text(delta=True, debounce_by=None)]


async def tools():
    agent = Agent(make())

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city."""
        assert city == "Paris"
        return "18 degrees"

    return (await agent.run(harness.WEATHER)).output


async def structured():
    return (await Agent(make(), output_type=Place).run(harness.WHERE)).output.city


async def image():
    picture = BinaryContent(harness.PNG_BYTES, media_type="image/png")
    return (await Agent(make()).run([harness.PROMPT, picture])).output


async def error():
    return (await Agent(make()).run(harness.PROMPT)).output


async def cancel():
    async with Agent(make()).run_stream(harness.PROMPT) as reply:
        number = 0
        async for _ in reply.stream_text(delta=True, debounce_by=None):
            number += 1
            if number == 3:
                break


harness.run(globals())
