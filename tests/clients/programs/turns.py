"""Conversations of several turns with reasoning and calls, and answers that fit nested models: vendors' SDKs."""

import harness
from anthropic import Anthropic
from openai import OpenAI
from pydantic import BaseModel

openai = OpenAI(base_url=f"{harness.URL}/v1", api_key=harness.KEY, max_retries=0)
anthropic = Anthropic(base_url=harness.URL, api_key=harness.KEY, max_retries=0)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
QUESTION = {"role": "user", "content": "get weather for Paris"}


class Mayor(BaseModel):
    name: str
    names: list[str]


class City(BaseModel):
    city: str
    mayor: Mayor | None


def messages(stream):
    """Thinking and calls go back as they came, three times."""
    turns = [QUESTION]
    tools = [{"name": "get_weather", "input_schema": SCHEMA}]
    thinking = {"type": "enabled", "budget_tokens": 1500}
    for _ in range(3):
        asked = {"model": harness.MODEL, "max_tokens": 4000, "messages": turns, "tools": tools, "thinking": thinking}
        if stream:
            with anthropic.messages.stream(**asked) as events:
                reply = events.get_final_message()
        else:
            reply = anthropic.messages.create(**asked)
        turns.append({"role": "assistant", "content": [one.model_dump(exclude_none=True) for one in reply.content]})
        uses = [one for one in reply.content if one.type == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": one.id, "content": "18"} for one in uses]
        turns.append({"role": "user", "content": results or "get weather again, please"})
    assert sum("tool_result" in str(one) for one in turns) >= 2, turns


def responses(stream):
    """Reasoning and calls go back as they came, three times."""
    turns = [QUESTION]
    tools = [{"type": "function", "name": "get_weather", "strict": False, "parameters": SCHEMA}]
    asked = {"model": harness.MODEL, "store": False, "include": ["reasoning.encrypted_content"], "tools": tools}
    for _ in range(3):
        if stream:
            with openai.responses.stream(**asked, input=turns, reasoning={"effort": "low"}) as events:
                for _ in events:
                    pass
                reply = events.get_final_response()
        else:
            reply = openai.responses.create(**asked, input=turns, reasoning={"effort": "low"})
        turns += [one.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for one in reply.output]
        calls = [one for one in reply.output if one.type == "function_call"]
        turns += [{"type": "function_call_output", "call_id": one.call_id, "output": "18"} for one in calls]
        turns += [] if calls else [{"role": "user", "content": "get weather again, please"}]
    assert sum(one.get("type") == "function_call_output" for one in turns) >= 2, turns


def models():
    """A model within a model, by each of the ways to ask for it."""
    chat = [{"role": "user", "content": "The tower is in Paris."}]
    completion = openai.chat.completions.parse(model=harness.MODEL, messages=chat, response_format=City)
    response = openai.responses.parse(model=harness.MODEL, input=chat, text_format=City)
    message = anthropic.messages.parse(model=harness.MODEL, max_tokens=500, messages=chat, output_format=City)
    parsed = [completion.choices[0].message.parsed, response.output_parsed, message.parsed_output]
    assert all(one.city == "Paris" and one.mayor.names for one in parsed), parsed


for streamed in (False, True):
    messages(streamed)
    responses(streamed)
models()
