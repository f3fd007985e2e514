"""A responses request in neutral form."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import ChatRequest, Message, Reasoning, ResponseFormat, Text
from tollhouse.dataplane.protocols._fields import (
    as_object,
    get_flag,
    get_integer,
    get_number,
    get_text,
    missing,
    wrong,
)
from tollhouse.dataplane.protocols._unread import MOST, Shape, unread
from tollhouse.dataplane.protocols.openai_responses.items import Items
from tollhouse.dataplane.protocols.openai_responses.tools import FORMAT, read_choice, read_tools

_CARRIED = frozenset(
    (
        "model",
        "input",
        "instructions",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_output_tokens",
        "temperature",
        "top_p",
        "top_logprobs",
        "stream",
        "text",
        "reasoning",
        "user",
        "store",
        "include",
        "client_metadata",
        "stream_options",
    )
)
"""Fields the neutral form has a place for, or that mean nothing away from OpenAI; every other rides in ``extra``."""

_CONTENT = {
    **dict.fromkeys(("input_text", "output_text", "text"), Shape("type text")),
    "refusal": Shape("type refusal"),
    "input_image": Shape("type image_url detail file_id"),
    "input_file": Shape("type filename file_data file_url file_id"),
    "input_audio": Shape("type", input_audio=Shape("data format")),
}
_MESSAGE = Shape("id type role status", content=_CONTENT)
_RESULT = Shape("id type call_id status", output=_CONTENT)
_CUSTOM = Shape("type name description format defer_loading")
_TOOLS = {"custom": _CUSTOM, "namespace": Shape("type name description", tools={"custom": _CUSTOM})}
_ITEMS = {
    **dict.fromkeys((None, "", "message"), _MESSAGE),
    "function_call": Shape("id type call_id namespace name arguments status"),
    "custom_tool_call": Shape("id type call_id namespace name input status"),
    "function_call_output": _RESULT,
    "custom_tool_call_output": _RESULT,
    "reasoning": Shape("id type summary content encrypted_content status"),
    "additional_tools": Shape("id type role", tools=_TOOLS),
}
_INSIDE = (
    ("input", _ITEMS),
    ("tools", _TOOLS),
    ("tool_choice", Shape("type name namespace mode tools")),
    ("text.format", Shape("type name description schema strict")),
)
"""What is read of the objects inside; every other field of theirs is named in ``unread``. A function's ride in its
``extra``."""
_INCLUDED = ("reasoning.encrypted_content", "message.output_text.logprobs")
"""What an answer holds anyway where it can."""


def read_request(body: dict[str, Any]) -> ChatRequest:
    """Raises ClientError naming the field at fault."""
    extra = {name: value for name, value in body.items() if name not in _CARRIED and value is not None}
    if extra.get("background") is False:
        del extra["background"]
    if body.get("store") is True:
        extra["store"] = True
    for name, known in (("text", ("format",)), ("reasoning", ("effort", "summary", "generate_summary"))):
        holder = as_object(body.get(name) or {}, name)
        rest = {key: value for key, value in holder.items() if key not in known and value is not None}
        if rest:
            extra[name] = rest
    items = Items()
    instructions = get_text(body, "instructions", "")
    if instructions:
        items.messages.append(Message("system", [Text(instructions)]))
    if body.get("input") is not None:
        items.read(body["input"])
    elif "previous_response_id" not in extra and "prompt" not in extra and "conversation" not in extra:
        raise missing("input", "a string or an array of items")
    form = as_object(body.get("text") or {}, "text").get("format")
    top_logprobs = get_integer(body, "top_logprobs", low=0, high=20)
    tools, choice = read_choice(body.get("tool_choice"), read_tools(body.get("tools"), "tools") + items.tools)
    return ChatRequest(
        model=get_text(body, "model", ""),
        messages=items.messages,
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=get_flag(body, "parallel_tool_calls"),
        max_tokens=get_integer(body, "max_output_tokens", low=1),
        temperature=get_number(body, "temperature", low=0, high=2),
        top_p=get_number(body, "top_p", low=0, high=1),
        logprobs=True if top_logprobs else None,
        top_logprobs=top_logprobs or None,
        stream=get_flag(body, "stream") or False,
        stream_usage=True,
        response_format=_format(form),
        reasoning=_reasoning(as_object(body.get("reasoning") or {}, "reasoning")),
        user=get_text(body, "user", ""),
        extra={FORMAT: extra},
        unread=unread({**body, "text.format": form}, _INSIDE) + _included(body.get("include")),
        original=body,
    )


def _included(value: Any) -> list[str]:
    """What only OpenAI adds to an answer, as it is dropped."""
    named = value if isinstance(value, list) else ()
    return [f"include.{one}" for one in named if isinstance(one, str) and one not in _INCLUDED][:MOST]


def _format(value: Any) -> ResponseFormat | None:
    if value is None:
        return None
    place = "text.format"
    kind = get_text(as_object(value, place), "type", place, None)
    if kind in ("text", "json_object"):
        return ResponseFormat("text" if kind == "text" else "json_object")
    if kind != "json_schema":
        raise wrong(f"{place}.type", kind, "'text', 'json_object' or 'json_schema'")
    return ResponseFormat(
        "json_schema",
        name=get_text(value, "name", place, None),
        schema=as_object(value.get("schema"), f"{place}.schema"),
        strict=get_flag(value, "strict", place),
        description=get_text(value, "description", place),
    )


def _reasoning(value: dict[str, Any]) -> Reasoning | None:
    effort = get_text(value, "effort", "reasoning")
    if not effort:
        return None
    return Reasoning(effort=effort, enabled=effort != "none")
