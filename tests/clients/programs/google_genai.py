"""Google's SDK."""

import harness
from google import genai
from google.genai import types

client = genai.Client(api_key=harness.KEY, http_options=types.HttpOptions(base_url=harness.URL))
SCHEMA = {key: value for key, value in harness.CITY.items() if key != "additionalProperties"}


def ask(contents, **config):
    return client.models.generate_content(
        model=harness.MODEL, contents=contents, config=types.GenerateContentConfig(**config)
    )


def chat():
    assert f"models/{harness.MODEL}" in [model.name for model in client.models.list()]
    assert client.models.get(model=harness.MODEL).name == f"models/{harness.MODEL}"
    assert client.models.count_tokens(model=harness.MODEL, contents=harness.PROMPT).total_tokens > 0
    return ask(harness.PROMPT).text


def stream():
    return [
        chunk.text or ""
        for chunk in client.models.generate_content_stream(model=harness.MODEL, contents=harness.PROMPT)
    ]


def get_weather(city: str) -> str:
    """The weather in a city."""
    assert city == "Paris"
    return "18 degrees"


def tools():
    """With thoughts, whose signatures go there and back as bytes."""
    thoughts = types.ThinkingConfig(include_thoughts=True, thinking_budget=2000)
    return ask(harness.WEATHER, tools=[get_weather], thinking_config=thoughts).text


def structured():
    return ask(harness.WHERE, response_mime_type="application/json", response_schema=SCHEMA).parsed["city"]


def image():
    return ask([types.Part.from_bytes(data=harness.PNG_BYTES, mime_type="image/png"), harness.PROMPT]).text


def error():
    return ask(harness.PROMPT)


def cancel():
    chunks = client.models.generate_content_stream(model=harness.MODEL, contents=harness.PROMPT)
    for number, _ in enumerate(chunks):
        if number == 3:
            break
    chunks.close()
    client.close()


harness.run(globals())
