"""LiteLLM as a client, in OpenAI's or Anthropic's format."""

import json
import os

import harness
import litellm

KIND = os.environ["KIND"]
litellm.drop_params = False
litellm.suppress_debug_info = True
WHERE = {"api_base": harness.URL if KIND == "anthropic" else f"{harness.URL}/v1", "api_key": harness.KEY}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": harness.CITY}}]


def send(messages, **more):
    return litellm.completion(
        model=f"{KIND}/{harness.MODEL}", messages=messages, num_retries=0, max_retries=0, **WHERE, **more
    )


def ask(content, **more):
    return send([{"role": "user", "content": content}], **more)


def chat():
    return ask(harness.PROMPT).choices[0].message.content


def stream():
    return [chunk.choices[0].delta.content or "" for chunk in ask(harness.PROMPT, stream=True)]


def tools():
    messages = [{"role": "user", "content": harness.WEATHER}]
    message = send(messages, tools=TOOLS).choices[0].message
    call = message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    messages += [message, {"role": "tool", "tool_call_id": call.id, "content": "18 degrees"}]
    return send(messages, tools=TOOLS).choices[0].message.content


def structured():
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": harness.CITY, "strict": True}}
    return json.loads(ask(harness.WHERE, response_format=form).choices[0].message.content)["city"]


def image():
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{harness.PNG}"}}
    return ask([{"type": "text", "text": harness.PROMPT}, url]).choices[0].message.content


def error():
    return ask(harness.PROMPT)


async def cancel():
    messages = [{"role": "user", "content": harness.PROMPT}]
    chunks = await litellm.acompletion(model=f"{KIND}/{harness.MODEL}", messages=messages, stream=True, **WHERE)
    number = 0
    async for _ in chunks:
        number += 1
        if number == 4:
            break
    await chunks.aclose()


harness.run(globals())
