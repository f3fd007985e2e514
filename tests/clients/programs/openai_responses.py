"""OpenAI's SDK with responses."""

import json

import harness
from openai import OpenAI

client = OpenAI(base_url=f"{harness.URL}/v1", api_key=harness.KEY, max_retries=0)
TOOLS = [{"type": "function", "name": "get_weather", "parameters": harness.CITY, "strict": True}]


def ask(content, **more):
    return client.responses.create(model=harness.MODEL, input=content, store=False, **more)


def chat():
    return ask(harness.PROMPT).output_text


def stream():
    with client.responses.stream(model=harness.MODEL, input=harness.PROMPT, store=False) as events:
        pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
        assert events.get_final_response().output_text == "".join(pieces)
    return pieces


def tools():
    items = [{"role": "user", "content": harness.WEATHER}]
    with client.responses.stream(model=harness.MODEL, input=items, tools=TOOLS, store=False) as events:
        for _ in events:
            pass
        reply = events.get_final_response()
    for item in reply.output:
        if item.type == "function_call":
            assert json.loads(item.arguments) == {"city": "Paris"}
            items += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"})]
            items += [{"type": "function_call_output", "call_id": item.call_id, "output": "18 degrees"}]
    return ask(items, tools=TOOLS).output_text


def structured():
    form = {"type": "json_schema", "name": "place", "schema": harness.CITY, "strict": True}
    return json.loads(ask(harness.WHERE, text={"format": form}).output_text)["city"]


def image():
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{harness.PNG}", "detail": "auto"}
    return ask([{"role": "user", "content": [{"type": "input_text", "text": harness.PROMPT}, picture]}]).output_text


def error():
    return ask(harness.PROMPT)


def cancel():
    with ask(harness.PROMPT, stream=True) as events:
        for number, _ in enumerate(events):
            if number == 8:
                break


harness.run(globals())
