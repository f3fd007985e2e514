"""A messages request in neutral form."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import (
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
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
from tollhouse.dataplane.protocols._signatures import unpack
from tollhouse.dataplane.protocols._unread import Shape, unread

FORMAT = "anthropic_messages"

_CARRIED = frozenset(
    (
        "model",
        "messages",
        "system",
        "tools",
        "tool_choice",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "stream",
        "metadata",
        "thinking",
        "output_config",
        "output_format",
    )
)
"""Fields the neutral form has a place for; every other one rides in ``extra``."""

_SOURCE = Shape("type media_type data url file_id content")
_SHOWN = {
    "text": Shape("type text cache_control"),
    "image": Shape("type cache_control", source=_SOURCE),
    "document": Shape("type title context citations cache_control", source=_SOURCE),
    "search_result": Shape("type title source cache_control", content=Shape("type text")),
}
_BLOCKS = {
    **_SHOWN,
    "tool_use": Shape("type id name input cache_control"),
    "tool_result": Shape("type tool_use_id is_error cache_control", content=_SHOWN),
    "thinking": Shape("type thinking signature"),
    "redacted_thinking": Shape("type data"),
    "compaction": Shape("type content cache_control"),
}
_INSIDE = (("system", _BLOCKS), ("messages", Shape("role", content=_BLOCKS)))
"""What is read of the objects inside; every other field of theirs is named in ``unread``. A tool's ride in its
``extra``."""

_THINKING = ("enabled", "disabled", "adaptive", "between_tools")


def read_request(body: dict[str, Any]) -> ChatRequest:
    """Raises ClientError naming the field at fault."""
    metadata = as_object(body.get("metadata") or {}, "metadata")
    output = as_object(body.get("output_config") or {}, "output_config")
    extra = {name: value for name, value in body.items() if name not in _CARRIED and value is not None}
    thinking = as_object(body.get("thinking") or {}, "thinking")
    for holder, name, known in (
        (metadata, "metadata", ("user_id",)),
        (output, "output_config", ("effort", "format")),
        (thinking, "thinking", ("type", "budget_tokens")),
    ):
        rest = {key: value for key, value in holder.items() if key not in known}
        if rest:
            extra[name] = rest
    choice, parallel = _tool_choice(body.get("tool_choice"))
    temperature = get_number(body, "temperature", low=0, high=1)
    return ChatRequest(
        model=get_text(body, "model", ""),
        messages=_system(body.get("system")) + read_messages(body.get("messages")),
        tools=[_tool(item, f"tools[{i}]") for i, item in enumerate(as_list(body.get("tools"), "tools"))],
        tool_choice=choice,
        parallel_tool_calls=parallel,
        max_tokens=get_integer(body, "max_tokens", low=0),
        temperature=temperature,
        top_p=get_number(body, "top_p", low=0, high=1),
        top_k=get_integer(body, "top_k", low=0),
        stop=_stop(body.get("stop_sequences")),
        stream=get_flag(body, "stream") or False,
        stream_usage=True,
        response_format=_response_format(output.get("format") or body.get("output_format")),
        reasoning=_reasoning(thinking, get_text(output, "effort", "output_config")),
        user=get_text(metadata, "user_id", "metadata"),
        extra={FORMAT: extra},
        unread=unread(body, _INSIDE),
    )


def _system(value: Any) -> list[Message]:
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [Message("system", [Text(value)])]
    if not isinstance(value, list):
        raise wrong("system", value, "a string or an array of text blocks")
    parts = [_block(as_object(item, f"system[{i}]"), f"system[{i}]") for i, item in enumerate(value)]
    return [Message("system", parts)] if parts else []


def read_messages(value: Any) -> list[Message]:
    """The ``messages`` array. Tool results become messages of their own, before the rest of their turn."""
    if value is None:
        raise missing("messages", "an array of at least one message")
    if not as_list(value, "messages"):
        raise wrong("messages", value, "at least one message")
    messages: list[Message] = []
    for i, item in enumerate(value):
        where = f"messages[{i}]"
        message = as_object(item, where)
        role = get_text(message, "role", where, None)
        if role not in ("user", "assistant", "system"):
            raise wrong(f"{where}.role", role, "'user' or 'assistant'")
        parts = _content(message.get("content"), f"{where}.content")
        results: list[Part] = [part for part in parts if isinstance(part, ToolResult)]
        if results:
            if role != "user":
                raise wrong(f"{where}.content", message["content"], "tool_result blocks in user messages only")
            messages.append(Message("tool", results))
            parts = [part for part in parts if not isinstance(part, ToolResult)]
        if parts or not results:
            messages.append(Message(role, parts))  # type: ignore[arg-type]
    return messages


def _content(value: Any, where: str) -> list[Part]:
    if value is None:
        raise missing(where, "a string or an array of content blocks")
    if isinstance(value, str):
        return [Text(value)]
    if not isinstance(value, list):
        raise wrong(where, value, "a string or an array of content blocks")
    return [_block(as_object(item, f"{where}[{i}]"), f"{where}[{i}]") for i, item in enumerate(value)]


def _block(item: dict[str, Any], where: str) -> Part:
    kind = get_text(item, "type", where, None)
    if kind == "text":
        more = {name: value for name, value in item.items() if name not in ("type", "text", "cache_control") and value}
        return Text(get_text(item, "text", where, None), _cache(item, where), {FORMAT: more} if more else None)
    if kind == "tool_use":
        arguments = as_object(item.get("input") or {}, f"{where}.input")
        return ToolCall(
            get_text(item, "id", where, None),
            get_text(item, "name", where, None),
            msgspec.json.encode(arguments).decode(),
            _cache(item, where),
        )
    if kind == "tool_result":
        return _tool_result(item, where)
    if kind == "image":
        return _image(item, where)
    if kind == "document":
        return _document(item, where)
    if kind == "thinking":
        signature = get_text(item, "signature", where)
        return unpack(signature) or Thinking(get_text(item, "thinking", where), signature)
    if kind == "redacted_thinking":
        return Thinking(redacted=get_text(item, "data", where, None))
    if kind == "compaction" and isinstance(item.get("content"), str):  # what is left of all that was said before
        return Text(item["content"], _cache(item, where), {FORMAT: item})
    if kind == "search_result":
        return Text(_search_result(item, where), _cache(item, where), {FORMAT: item})
    return Opaque(FORMAT, item)


def _tool_result(item: dict[str, Any], where: str) -> ToolResult:
    place = f"{where}.content"
    content = item.get("content")
    parts: list[Text | Image | Document] = []
    if isinstance(content, str):
        parts = [Text(content)]
    elif content is not None:
        for i, inner in enumerate(as_list(content, place)):
            parts.append(_result_part(as_object(inner, f"{place}[{i}]"), f"{place}[{i}]"))
    is_error = get_flag(item, "is_error", where) or False
    return ToolResult(get_text(item, "tool_use_id", where, None), parts, is_error, _cache(item, where))


def _result_part(item: dict[str, Any], where: str) -> Text | Image | Document:
    if item.get("type") == "tool_reference":
        return Text(f"Tool loaded: {item.get('tool_name', '')}", None, {FORMAT: item})
    part = _block(item, where)
    if isinstance(part, Text | Image | Document):
        return part
    # Whatever else a result may hold: the other formats get it as its JSON.
    return Text(msgspec.json.encode(item).decode(), None, {FORMAT: item})


def _image(item: dict[str, Any], where: str) -> Part:
    place = f"{where}.source"
    source = as_object(item.get("source"), place)
    kind = get_text(source, "type", place, None)
    if kind == "base64":
        data = get_text(source, "data", place, None)
        return Image(data=data, media_type=get_text(source, "media_type", place, None), cache=_cache(item, where))
    if kind == "url":
        return Image(url=get_text(source, "url", place, None), cache=_cache(item, where))
    return Opaque(FORMAT, item)


def _document(item: dict[str, Any], where: str) -> Part:
    place = f"{where}.source"
    source = as_object(item.get("source"), place)
    kind = get_text(source, "type", place, None)
    name = get_text(item, "title", where)
    cache = _cache(item, where)
    citations = as_object(item.get("citations") or {}, f"{where}.citations")
    if citations.get("enabled") or item.get("context"):
        return Opaque(FORMAT, item)
    if kind == "base64":
        media_type = get_text(source, "media_type", place, None)
        return Document(data=get_text(source, "data", place, None), media_type=media_type, name=name, cache=cache)
    if kind == "text":
        text = get_text(source, "data", place, None)
        return Document(text=text, media_type=get_text(source, "media_type", place, None), name=name, cache=cache)
    if kind == "url":
        return Document(url=get_text(source, "url", place, None), name=name, cache=cache)
    return Opaque(FORMAT, item)


def _search_result(item: dict[str, Any], where: str) -> str:
    texts = [
        get_text(as_object(block, f"{where}.content[{i}]"), "text", f"{where}.content[{i}]")
        for i, block in enumerate(as_list(item.get("content"), f"{where}.content"))
    ]
    return "\n".join([f"{get_text(item, 'title', where)} ({get_text(item, 'source', where)})", *texts])


def _cache(item: dict[str, Any], where: str) -> dict[str, Any] | None:
    mark = item.get("cache_control")
    return None if mark is None else as_object(mark, f"{where}.cache_control")


def _tool(item: Any, where: str) -> Tool:
    tool = as_object(item, where)
    kind = get_text(tool, "type", where, "custom")
    if kind != "custom":
        return Tool(get_text(tool, "name", where, kind), opaque=Opaque(FORMAT, tool))
    schema = tool.get("input_schema")
    known = ("type", "name", "description", "input_schema", "strict", "cache_control")
    more = {name: value for name, value in tool.items() if name not in known and value is not None}
    return Tool(
        name=get_text(tool, "name", where, None),
        description=get_text(tool, "description", where),
        parameters=None if schema is None else as_object(schema, f"{where}.input_schema"),
        strict=get_flag(tool, "strict", where),
        cache=_cache(tool, where),
        extra={FORMAT: more} if more else None,
    )


def _tool_choice(value: Any) -> tuple[ToolChoice | None, bool | None]:
    """The choice, and whether calls may be parallel (None: not said)."""
    if value is None:
        return None, None
    kind = get_text(as_object(value, "tool_choice"), "type", "tool_choice", None)
    single = get_flag(value, "disable_parallel_tool_use", "tool_choice")
    parallel = None if single is None else not single
    if kind == "tool":
        return ToolChoice("tool", get_text(value, "name", "tool_choice", None)), parallel
    if kind == "auto":
        return ToolChoice("auto"), parallel
    if kind == "any":
        return ToolChoice("required"), parallel
    if kind == "none":
        return ToolChoice("none"), parallel
    raise wrong("tool_choice.type", kind, "'auto', 'any', 'tool' or 'none'")


def _stop(value: Any) -> list[str]:
    for i, item in enumerate(as_list(value, "stop_sequences")):
        if not isinstance(item, str):
            raise wrong(f"stop_sequences[{i}]", item, "a string")
    return list(value or ())


def _response_format(value: Any) -> ResponseFormat | None:
    if value is None:
        return None
    kind = get_text(as_object(value, "output_config.format"), "type", "output_config.format", None)
    if kind != "json_schema":
        raise wrong("output_config.format.type", kind, "'json_schema'")
    schema = as_object(value.get("schema"), "output_config.format.schema")
    return ResponseFormat("json_schema", schema=schema)


def _reasoning(thinking: dict[str, Any], effort: str) -> Reasoning | None:
    if not thinking:
        return Reasoning(effort=effort) if effort else None
    kind = get_text(thinking, "type", "thinking", None)
    if kind not in _THINKING:
        raise wrong("thinking.type", kind, "'enabled', 'disabled', 'adaptive' or 'between_tools'")
    if kind == "disabled":
        return Reasoning(effort=effort, enabled=False)
    if kind == "enabled":
        budget = get_integer(thinking, "budget_tokens", "thinking", low=1)
        if budget is None:
            raise missing("thinking.budget_tokens", "an integer of at least 1024")
        return Reasoning(effort=effort, budget_tokens=budget, enabled=True)
    return Reasoning(effort=effort, enabled=True, adaptive=True)
