"""LangChain, with its OpenAI or its Anthropic package."""

import os

import harness
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

KIND = os.environ["KIND"]
if KIND == "anthropic":
    from langchain_anthropic import ChatAnthropic

    model = ChatAnthropic(model=harness.MODEL, base_url=harness.URL, api_key=harness.KEY, max_retries=0, max_tokens=900)
    FORM = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": harness.PNG}}
else:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model=harness.MODEL, base_url=f"{harness.URL}/v1", api_key=harness.KEY, max_retries=0)
    FORM = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{harness.PNG}"}}


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return "18 degrees"


class Place(BaseModel):
    """A place."""

    city: str


def chat():
    return model.invoke(harness.PROMPT).text


def stream():
    return [chunk.text for chunk in model.stream(harness.PROMPT)]


def tools():
    bound = model.bind_tools([get_weather])
    messages = [HumanMessage(harness.WEATHER)]
    reply = bound.invoke(messages)
    call = reply.tool_calls[0]
    assert call["args"] == {"city": "Paris"}
    messages += [reply, ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])]
    return bound.invoke(messages).text


def structured():
    return model.with_structured_output(Place).invoke(harness.WHERE).city


def image():
    return model.invoke([HumanMessage([{"type": "text", "text": harness.PROMPT}, FORM])]).text


def error():
    return model.invoke(harness.PROMPT)


async def cancel():
    chunks = model.astream(harness.PROMPT)
    number = 0
    async for _ in chunks:
        number += 1
        if number == 4:
            break
    await chunks.aclose()


harness.run(globals())
