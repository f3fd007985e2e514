"""A whole chat completion, in and out."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import (
    ChatReply,
    Choice,
    FinishReason,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    Usage,
)
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.protocols._failures import invalid_reply
from tollhouse.dataplane.protocols._fields import count, words
from tollhouse.dataplane.protocols._freeform import arguments_of, freeform_names, input_of
from tollhouse.dataplane.protocols._names import counted, told_id
from tollhouse.dataplane.protocols._special import with_tier
from tollhouse.dataplane.protocols.openai_chat.read_request import FORMAT
from tollhouse.dataplane.protocols.openai_chat.usage import read_usage, write_usage

_FINISH_IN: dict[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
}
_FINISH_OUT: dict[str, str] = {
    "stop_sequence": "stop",
    "pause": "stop",
    "error": "stop",
    "refusal": "content_filter",
}


def read_finish(value: Any, *, refused: bool = False) -> FinishReason:
    """Why the answer ended; an unknown word counts as ``stop``."""
    if refused and value == "stop":
        return "refusal"
    if not isinstance(value, str):
        return "stop"
    return _FINISH_IN.get(value, "stop")


def write_finish(reason: FinishReason, *, refused: bool = False) -> str:
    """``finish_reason``. A refusal in words ends with ``stop`` in this format."""
    if refused and reason == "refusal":
        return "stop"
    return _FINISH_OUT.get(reason, reason)


def read_reply(body: bytes) -> ChatReply:
    """Raises UpstreamError when it is not a chat completion."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid_reply(f"not JSON ({error})") from None
    if not isinstance(document, dict) or not isinstance(document.get("choices"), list):
        raise invalid_reply("a chat completion has an array 'choices'")
    choices = [_read_choice(item) for item in document["choices"]]
    known = ("id", "model", "choices", "usage", "created", "object")
    extra = {name: value for name, value in document.items() if name not in known and value is not None}
    return ChatReply(
        id=words(document.get("id")),
        model=words(document.get("model")),
        choices=choices,
        usage=with_tier(read_usage(document.get("usage")), document.get("service_tier")) or Usage(),
        created=count(document.get("created")),
        extra={FORMAT: extra} if extra else {},
    )


def _read_choice(item: Any) -> Choice:
    if not isinstance(item, dict) or not isinstance(item.get("message"), dict):
        raise invalid_reply("an entry of 'choices' has no 'message'")
    message = item["message"]
    parts: list[Part] = []
    thought = words(message.get("reasoning_content")) or words(message.get("reasoning"))
    if thought:
        parts.append(Thinking(thought))
    content = message.get("content")
    if isinstance(content, list):
        parts += in_parts(content)
    elif content:
        parts.append(Text(words(content)))
    refusal = words(message.get("refusal"))
    if refusal:
        parts.append(Refusal(refusal))
    calls = message.get("tool_calls")
    if not calls and isinstance(message.get("function_call"), dict):  # what calls were before
        calls = [{"function": message["function_call"]}]
    for number, call in enumerate(calls if isinstance(calls, list) else ()):
        parts.append(_read_call(call, number))
    if message.get("audio") or message.get("annotations"):
        rest = {name: message[name] for name in ("audio", "annotations") if message.get(name)}
        parts.append(Opaque(FORMAT, rest))
    if message.get("images"):  # of models that draw, at OpenRouter
        parts.append(Opaque(FORMAT, {"images": message["images"]}))
    reason = read_finish(item.get("finish_reason"), refused=bool(refusal))
    if reason == "stop" and any(isinstance(part, ToolCall) for part in parts):
        reason = "tool_calls"  # several compatible servers say stop
    return Choice(parts, reason, logprobs=item.get("logprobs"))


def in_parts(content: list[Any]) -> list[Text | Thinking]:
    """An answer in parts, as Mistral and a few servers give it; thoughts are parts that hold parts."""
    read: list[Text | Thinking] = []
    for part in content:
        if not isinstance(part, dict):
            continue
        thought = part.get("thinking")
        if isinstance(thought, list):
            thought = "".join(words(inner.get("text")) for inner in thought if isinstance(inner, dict))
        if words(thought):
            read.append(Thinking(words(thought)))
        elif words(part.get("text")):
            read.append(Text(part["text"]))
    return read


def _read_call(call: Any, number: int) -> Part:
    if not isinstance(call, dict):
        raise invalid_reply("an entry of 'tool_calls' is no object")
    function, custom = call.get("function"), call.get("custom")
    id = words(call.get("id")) or counted(0, number)
    if isinstance(custom, dict):
        return ToolCall(id, words(custom.get("name")), arguments_of(words(custom.get("input"))))
    if not isinstance(function, dict):
        return Opaque(FORMAT, {"tool_call": call})
    return ToolCall(id, words(function.get("name")), _arguments(function.get("arguments")))


def _arguments(value: Any) -> str:
    """Arguments are JSON in a string; some servers send the object itself."""
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    return words(value) or "{}"


def write_reply(reply: ChatReply, context: ReplyContext) -> bytes:
    """A chat completion."""
    body: dict[str, Any] = {
        "id": reply.id or f"chatcmpl-{context.request_id}",
        "object": "chat.completion",
        "created": reply.created or context.created,
        "model": context.model or reply.model,
        "choices": [_write_choice(index, choice, context) for index, choice in enumerate(reply.choices)],
        "usage": write_usage(reply.usage),
    }
    body.update(reply.extra.get(FORMAT, {}))
    return msgspec.json.encode(body)


def _write_call(call: ToolCall, context: ReplyContext) -> dict[str, Any]:
    name = context.renamed_tools.get(call.name, call.name)
    id = told_id(call.id, context.request_id)
    if name in freeform_names(context.request):
        return {"id": id, "type": "custom", "custom": {"name": name, "input": input_of(call.arguments)}}
    return {"id": id, "type": "function", "function": {"name": name, "arguments": call.arguments or "{}"}}


def _write_choice(index: int, choice: Choice, context: ReplyContext) -> dict[str, Any]:
    text: list[str] = []
    thought: list[str] = []
    refusal: list[str] = []
    calls: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    for part in choice.parts:
        if isinstance(part, Text):
            text.append(part.text)
        elif isinstance(part, Thinking):
            thought.append(part.text)
        elif isinstance(part, Refusal):
            refusal.append(part.text)
        elif isinstance(part, ToolCall):
            calls.append(_write_call(part, context))
        elif isinstance(part, Opaque) and part.protocol == FORMAT:
            if "tool_call" in part.value:
                calls.append(part.value["tool_call"])
            else:
                more.update(part.value)
    message: dict[str, Any] = {"role": "assistant", "content": "".join(text) if text else None}
    if any(thought):
        message["reasoning_content"] = "".join(thought)
    message["refusal"] = "".join(refusal) or None
    if calls:
        message["tool_calls"] = calls
    message.update(more)
    finish = write_finish(choice.finish_reason, refused=bool(refusal))
    if not calls and not text and not refusal and not more:
        message["content"] = ""
    return {"index": index, "message": message, "logprobs": choice.logprobs, "finish_reason": finish}
