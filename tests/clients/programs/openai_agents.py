"""OpenAI's Agents SDK, which speaks responses."""

import harness
from agents import Agent, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI
from pydantic import BaseModel

set_tracing_disabled(True)


def make(**more):
    client = AsyncOpenAI(base_url=f"{harness.URL}/v1", api_key=harness.KEY, max_retries=0)
    return Agent(name="a", instructions="Be short.", model=OpenAIResponsesModel(harness.MODEL, client), **more)


class Place(BaseModel):
    """A place."""

    city: str


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    assert city == "Paris"
    return "18 degrees"


async def chat():
    return (await Runner.run(make(), harness.PROMPT)).final_output


async def pieces(run):
    async for event in run.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            yield event.data.delta


async def stream():
    return [piece async for piece in pieces(Runner.run_streamed(make(), harness.PROMPT))]


async def tools():
    return (await Runner.run(make(tools=[get_weather]), harness.WEATHER)).final_output


async def structured():
    return (await Runner.run(make(output_type=Place), harness.WHERE)).final_output.city


async def image():
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{harness.PNG}", "detail": "auto"}
    content = [{"type": "input_text", "text": harness.PROMPT}, picture]
    return (await Runner.run(make(), [{"role": "user", "content": content}])).final_output


async def error():
    return (await Runner.run(make(), harness.PROMPT)).final_output


async def cancel():
    run = Runner.run_streamed(make(), harness.PROMPT)
    number = 0
    async for _ in pieces(run):
        number += 1
        if number == 3:
            run.cancel()
            break


harness.run(globals())
