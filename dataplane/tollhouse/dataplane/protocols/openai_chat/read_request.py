"""A chat completions request in neutral form."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from tollhouse.dataplane.protocols._allowed import restrict
from tollhouse.dataplane.protocols._fields import (
    as_list,
    as_object,
    get_flag,
    get_integer,
    get_number,
    get_text,
    missing,
    wrong,
)
from tollhouse.dataplane.protocols._freeform import SCHEMA, arguments_of, with_grammar
from tollhouse.dataplane.protocols._media import is_data_url, split_data_url
from tollhouse.dataplane.protocols._unread import Shape, unread

FORMAT = "openai_chat"

_ROLES = ("system", "developer", "user", "assistant", "tool")

_CARRIED = frozenset(
    (
        "model",
        "messages",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_tokens",
        "temperature",
        "top_p",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "stop",
        "stream",
        "n",
        "logprobs",
        "top_logprobs",
        "response_format",
        "reasoning_effort",
        "user",
    )
)
"""Fields the neutral form has a place for; every other one rides in ``extra``."""

_CONTENT = {
    "text": Shape("type text cache_control"),
    "refusal": Shape("type refusal"),
    "image_url": Shape("type cache_control", image_url=Shape("url detail")),
    "file": Shape("type cache_control", file=Shape("file_data file_id filename")),
    "input_audio": Shape("type", input_audio=Shape("data format")),
}
_CALL = Shape("id type index", function=Shape("name arguments"))
_CALLS = {None: _CALL, "function": _CALL, "custom": Shape("id type index", custom=Shape("name input"))}
_MESSAGE = "role name tool_call_id refusal reasoning_content reasoning function_call audio"
_FUNCTION = Shape("type cache_control", function=Shape("name description parameters strict"))
_INSIDE = (
    ("messages", Shape(_MESSAGE, content=_CONTENT, tool_calls=_CALLS)),
    ("tools", {"function": _FUNCTION, "custom": Shape("type", custom=Shape("name description format"))}),
    (
        "tool_choice",
        Shape("type", function=Shape("name"), custom=Shape("name"), allowed_tools=Shape("mode tools")),
    ),
    ("response_format", Shape("type", json_schema=Shape("name description schema strict"))),
    ("stream_options", Shape("include_usage")),
)
"""What is read of the objects inside; every other field of theirs is named in ``unread``."""


def read_request(body: dict[str, Any]) -> ChatRequest:
    """Raises ClientError naming the field at fault."""
    extra: dict[str, Any] = {}
    if not _CARRIED.issuperset(body):
        extra = {name: value for name, value in body.items() if name not in _CARRIED and value is not None}
    max_tokens = get_integer(body, "max_completion_tokens", low=1)
    if max_tokens is None:
        max_tokens = get_integer(body, "max_tokens", low=1)
    stream_usage = False
    if body.get("stream_options") is not None:
        stream_options = as_object(body["stream_options"], "stream_options")
        stream_usage = get_flag(stream_options, "include_usage", "stream_options") or False
    choices = get_integer(body, "n", low=1, high=128)
    tools: list[Tool] = []
    if body.get("tools") is not None:
        tools = [_tool(item, f"tools[{i}]") for i, item in enumerate(as_list(body["tools"], "tools"))]
    tools, choice = _tool_choice(body.get("tool_choice"), tools)
    return ChatRequest(
        model=get_text(body, "model", ""),
        messages=read_messages(body.get("messages")),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=get_flag(body, "parallel_tool_calls"),
        max_tokens=max_tokens,
        temperature=get_number(body, "temperature", low=0, high=2),
        top_p=get_number(body, "top_p", low=0, high=1),
        frequency_penalty=get_number(body, "frequency_penalty", low=-2, high=2),
        presence_penalty=get_number(body, "presence_penalty", low=-2, high=2),
        seed=get_integer(body, "seed"),
        stop=_stop(body.get("stop")),
        stream=get_flag(body, "stream") or False,
        stream_usage=stream_usage,
        choices=1 if choices is None else choices,
        logprobs=get_flag(body, "logprobs"),
        top_logprobs=get_integer(body, "top_logprobs", low=0, high=20),
        response_format=_response_format(body.get("response_format")),
        reasoning=_reasoning(body),
        user=get_text(body, "user", ""),
        extra={FORMAT: extra},
        unread=unread(body, _INSIDE),
    )


def read_messages(value: Any) -> list[Message]:
    """The ``messages`` array."""
    if value is None:
        raise missing("messages", "an array of at least one message")
    if not as_list(value, "messages"):
        raise wrong("messages", value, "at least one message")
    return [_message(as_object(item, f"messages[{i}]"), f"messages[{i}]") for i, item in enumerate(value)]


def _message(item: dict[str, Any], where: str) -> Message:
    role = get_text(item, "role", where, None)
    if role == "function":
        raise wrong(f"{where}.role", role, "role 'tool' with tool_call_id (role 'function' was withdrawn by OpenAI)")
    if role not in _ROLES:
        raise wrong(f"{where}.role", role, f"one of {', '.join(_ROLES)}")
    content = item.get("content")
    if role == "tool":
        call_id = get_text(item, "tool_call_id", where, None)
        parts = _content(content, f"{where}.content")
        shown: list[Text | Image | Document] = [part for part in parts if isinstance(part, Text | Image | Document)]
        if len(shown) != len(parts):
            raise wrong(f"{where}.content", content, "text parts only")
        return Message("tool", [ToolResult(call_id, shown)])
    name = get_text(item, "name", where)
    if role != "assistant":
        if content is None:
            raise missing(f"{where}.content", "a string or an array of content parts")
        return Message(role, _content(content, f"{where}.content"), name)  # type: ignore[arg-type]
    return Message("assistant", _assistant(item, where), name)


def _assistant(item: dict[str, Any], where: str) -> list[Part]:
    parts: list[Part] = []
    reasoning = item.get("reasoning_content") or item.get("reasoning")
    if isinstance(reasoning, str):
        parts.append(Thinking(reasoning))
    parts += _content(item.get("content"), f"{where}.content")
    refusal = get_text(item, "refusal", where)
    if refusal:
        parts.append(Refusal(refusal))
    for i, call in enumerate(as_list(item.get("tool_calls"), f"{where}.tool_calls")):
        parts.append(_tool_call(call, f"{where}.tool_calls[{i}]"))
    if item.get("function_call"):
        raise wrong(f"{where}.function_call", item["function_call"], "tool_calls (function_call was withdrawn)")
    if item.get("audio"):
        parts.append(Opaque(FORMAT, {"audio": item["audio"]}))
    if not parts and item.get("content") is None:
        raise missing(f"{where}.content", "a string or an array of content parts, unless there are tool_calls")
    return parts


def _tool_call(item: Any, where: str) -> Part:
    call = as_object(item, where)
    kind = get_text(call, "type", where, "function")
    if kind == "custom":
        custom = as_object(call.get("custom"), f"{where}.custom")
        text = get_text(custom, "input", f"{where}.custom")
        name = get_text(custom, "name", f"{where}.custom", None)
        return ToolCall(get_text(call, "id", where, None), name, arguments_of(text))
    if kind != "function":
        return Opaque(FORMAT, {"tool_call": call})
    function = as_object(call.get("function"), f"{where}.function")
    arguments = function.get("arguments")
    if arguments is not None and not isinstance(arguments, str):
        raise wrong(f"{where}.function.arguments", arguments, "a string of JSON")
    name = get_text(function, "name", f"{where}.function", None)
    return ToolCall(get_text(call, "id", where, None), name, arguments or "{}")


def _content(value: Any, where: str) -> list[Part]:
    if value is None:
        return []
    if isinstance(value, str):
        return [Text(value)]
    if not isinstance(value, list):
        raise wrong(where, value, "a string or an array of content parts")
    return [_part(as_object(item, f"{where}[{i}]"), f"{where}[{i}]") for i, item in enumerate(value)]


def _part(item: dict[str, Any], where: str) -> Part:
    kind = get_text(item, "type", where, None)
    if kind == "text":
        more = {name: value for name, value in item.items() if name not in ("type", "text", "cache_control")}
        return Text(get_text(item, "text", where, None), _cache(item, where), {FORMAT: more} if more else None)
    if kind == "refusal":
        return Refusal(get_text(item, "refusal", where, None))
    if kind == "image_url":
        return _image(item, where)
    if kind == "file":
        return _file(item, where)
    if kind == "input_audio":
        audio = as_object(item.get("input_audio"), f"{where}.input_audio")
        place = f"{where}.input_audio"
        return Audio(get_text(audio, "data", place, None), get_text(audio, "format", place, None))
    return Opaque(FORMAT, item)


def _image(item: dict[str, Any], where: str) -> Part:
    place = f"{where}.image_url"
    image = item.get("image_url")
    if isinstance(image, str):  # not in OpenAI's schema, but sent by several clients and taken by several servers
        image = {"url": image}
    image = as_object(image, place)
    url = get_text(image, "url", place, None)
    detail = get_text(image, "detail", place)
    if is_data_url(url):
        media_type, data = split_data_url(url, f"{place}.url")
        return Image(data=data, media_type=media_type, detail=detail, cache=_cache(item, where))
    return Image(url=url, detail=detail, cache=_cache(item, where))


def _file(item: dict[str, Any], where: str) -> Part:
    place = f"{where}.file"
    file = as_object(item.get("file"), place)
    data = get_text(file, "file_data", place)
    if not data:
        if not get_text(file, "file_id", place):
            raise missing(f"{place}.file_data", "the file's data (or file_id)")
        return Opaque(FORMAT, item)
    name = get_text(file, "filename", place)
    cache = _cache(item, where)
    if is_data_url(data):
        media_type, data = split_data_url(data, f"{place}.file_data")
        return Document(data=data, media_type=media_type, name=name, cache=cache)
    return Document(data=data, media_type="application/pdf", name=name, cache=cache)


def _cache(item: dict[str, Any], where: str) -> dict[str, Any] | None:
    """``cache_control`` is not OpenAI's, but clients of OpenAI's format send it for Anthropic models."""
    mark = item.get("cache_control")
    return None if mark is None else as_object(mark, f"{where}.cache_control")


def _tool(item: Any, where: str) -> Tool:
    tool = as_object(item, where)
    kind = get_text(tool, "type", where, None)
    if kind == "custom":
        return _custom(as_object(tool.get("custom"), f"{where}.custom"), f"{where}.custom")
    if kind != "function":
        return Tool(kind, opaque=Opaque(FORMAT, tool))
    place = f"{where}.function"
    function = as_object(tool.get("function"), place)
    parameters = function.get("parameters")
    return Tool(
        name=get_text(function, "name", place, None),
        description=get_text(function, "description", place),
        parameters=None if parameters is None else as_object(parameters, f"{place}.parameters"),
        strict=get_flag(function, "strict", place),
        cache=_cache(tool, where),
    )


def _custom(custom: dict[str, Any], where: str) -> Tool:
    name, form = get_text(custom, "name", where, None), custom.get("format")
    description = with_grammar(get_text(custom, "description", where), form)
    return Tool(name, description, SCHEMA, freeform=True, extra={FORMAT: {"custom": custom}})


def _tool_choice(value: Any, tools: list[Tool]) -> tuple[list[Tool], ToolChoice | None]:
    if isinstance(value, dict) and value.get("type") == "allowed_tools":
        place = "tool_choice.allowed_tools"
        return _allowed_tools(as_object(value.get("allowed_tools"), place), place, tools)
    return tools, _plain_choice(value)


def _allowed_tools(allowed: dict[str, Any], where: str, tools: list[Tool]) -> tuple[list[Tool], ToolChoice]:
    names: list[str] = []
    kinds: list[str] = []
    for i, item in enumerate(as_list(allowed.get("tools"), f"{where}.tools")):
        place = f"{where}.tools[{i}]"
        kind = get_text(as_object(item, place), "type", place, None)
        if kind in ("function", "custom"):
            names.append(get_text(as_object(item.get(kind), f"{place}.{kind}"), "name", f"{place}.{kind}", None))
        else:
            kinds.append(kind)
    if not names and not kinds:
        raise missing(f"{where}.tools", "an array of at least one tool")
    return restrict(tools, names, kinds=kinds, required=allowed.get("mode") == "required")


def _plain_choice(value: Any) -> ToolChoice | None:
    if value is None:
        return None
    if value in ("auto", "none", "required"):
        return ToolChoice(value)
    if not isinstance(value, dict):
        raise wrong("tool_choice", value, "'auto', 'none', 'required' or an object that names a function")
    kind = get_text(value, "type", "tool_choice", None)
    if kind == "function":
        function = as_object(value.get("function"), "tool_choice.function")
        return ToolChoice("tool", get_text(function, "name", "tool_choice.function", None))
    if kind == "custom":
        custom = as_object(value.get("custom"), "tool_choice.custom")
        return ToolChoice("tool", get_text(custom, "name", "tool_choice.custom", None))
    raise wrong("tool_choice.type", kind, "'function', 'custom' or 'allowed_tools'")


def _stop(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    for i, item in enumerate(as_list(value, "stop")):
        if not isinstance(item, str):
            raise wrong(f"stop[{i}]", item, "a string")
    return list(value)


def _response_format(value: Any) -> ResponseFormat | None:
    if value is None:
        return None
    kind = get_text(as_object(value, "response_format"), "type", "response_format", None)
    if kind == "text":
        return ResponseFormat("text")
    if kind == "json_object":
        return ResponseFormat("json_object")
    if kind != "json_schema":
        raise wrong("response_format.type", kind, "'text', 'json_object' or 'json_schema'")
    place = "response_format.json_schema"
    inner = as_object(value.get("json_schema"), place)
    schema = inner.get("schema")
    return ResponseFormat(
        "json_schema",
        name=get_text(inner, "name", place, None),
        schema=None if schema is None else as_object(schema, f"{place}.schema"),
        strict=get_flag(inner, "strict", place),
        description=get_text(inner, "description", place),
    )


def _reasoning(body: dict[str, Any]) -> Reasoning | None:
    effort = get_text(body, "reasoning_effort", "")
    if not effort:
        return None
    return Reasoning(effort=effort, enabled=effort != "none")
