"""OpenAI's SDK with chat completions."""

import json

import harness
from openai import OpenAI

client = OpenAI(base_url=f"{harness.URL}/v1", api_key=harness.KEY, max_retries=0)
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": harness.CITY}}]


def ask(content, **more):
    return client.chat.completions.create(model=harness.MODEL, messages=[{"role": "user", "content": content}], **more)


def chat():
    return ask(harness.PROMPT).choices[0].message.content


def stream():
    return [chunk.choices[0].delta.content or "" for chunk in ask(harness.PROMPT, stream=True)]


def tools():
    messages = [{"role": "user", "content": harness.WEATHER}]
    with client.chat.completions.stream(model=harness.MODEL, messages=messages, tools=TOOLS) as events:
        for _ in events:
            pass
        message = events.get_final_completion().choices[0].message
    call = message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    messages += [message.model_dump(exclude_none=True, exclude={"parsed"})]
    for one in messages[-1]["tool_calls"]:
        one["function"].pop("parsed_arguments", None)
        one.pop("index", None)
    messages += [{"role": "tool", "tool_call_id": call.id, "content": "18 degrees"}]
    return (
        client.chat.completions.create(model=harness.MODEL, messages=messages, tools=TOOLS).choices[0].message.content
    )


def structured():
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": harness.CITY, "strict": True}}
    return json.loads(ask(harness.WHERE, response_format=form).choices[0].message.content)["city"]


def image():
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{harness.PNG}"}}
    return ask([{"type": "text", "text": harness.PROMPT}, url]).choices[0].message.content


def error():
    return ask(harness.PROMPT)


def cancel():
    with ask(harness.PROMPT, stream=True) as events:
        for number, _ in enumerate(events):
            if number == 3:
                break


harness.run(globals())
