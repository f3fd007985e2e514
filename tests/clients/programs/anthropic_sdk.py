"""Anthropic's SDK."""

import json

import harness
from anthropic import Anthropic

client = Anthropic(base_url=harness.URL, api_key=harness.KEY, max_retries=0)
TOOLS = [{"name": "get_weather", "input_schema": harness.CITY}]


def ask(content, **more):
    messages = [{"role": "user", "content": content}]
    return client.messages.create(model=harness.MODEL, max_tokens=500, messages=messages, **more)


def text(message):
    return "".join(block.text for block in message.content if block.type == "text")


def chat():
    return text(ask(harness.PROMPT))


def stream():
    messages = [{"role": "user", "content": harness.PROMPT}]
    with client.messages.stream(model=harness.MODEL, max_tokens=500, messages=messages) as events:
        return list(events.text_stream)


def tools():
    messages = [{"role": "user", "content": harness.WEATHER}]
    with client.messages.stream(model=harness.MODEL, max_tokens=500, messages=messages, tools=TOOLS) as events:
        message = events.get_final_message()
    use = next(block for block in message.content if block.type == "tool_use")
    assert use.input == {"city": "Paris"}
    messages += [
        {"role": "assistant", "content": [{"type": "tool_use", "id": use.id, "name": use.name, "input": use.input}]}
    ]
    messages += [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "18 degrees"}]}]
    return text(client.messages.create(model=harness.MODEL, max_tokens=500, messages=messages, tools=TOOLS))


def structured():
    form = {"format": {"type": "json_schema", "schema": harness.CITY}}
    return json.loads(text(ask(harness.WHERE, output_config=form)))["city"]


def image():
    source = {"type": "base64", "media_type": "image/png", "data": harness.PNG}
    return text(ask([{"type": "image", "source": source}, {"type": "text", "text": harness.PROMPT}]))


def error():
    return ask(harness.PROMPT)


def cancel():
    with client.messages.stream(
        model=harness.MODEL, max_tokens=900, messages=[{"role": "user", "content": harness.PROMPT}]
    ) as events:
        for number, _ in enumerate(events.text_stream):
            if number == 3:
                break


harness.run(globals())
