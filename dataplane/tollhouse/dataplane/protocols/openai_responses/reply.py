"""A whole response, in and out."""

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
from tollhouse.dataplane.protocols._signatures import pack
from tollhouse.dataplane.protocols._special import with_tier
from tollhouse.dataplane.protocols.openai_responses.tools import FORMAT, Calls, joined
from tollhouse.dataplane.protocols.openai_responses.usage import failed_reply, read_usage, with_searches, write_usage

_KNOWN = ("id", "object", "created_at", "model", "output", "usage", "status", "error", "incomplete_details")
_ECHOED = (
    "instructions",
    "max_output_tokens",
    "metadata",
    "previous_response_id",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "temperature",
    "text",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
)
"""Fields of a request its response repeats."""

_INCOMPLETE: dict[FinishReason, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}


def read_finish(document: dict[str, Any], parts: list[Part]) -> FinishReason:
    """Why the answer ended."""
    details = document.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else ""
    if document.get("status") == "incomplete" or reason:
        return "content_filter" if reason == "content_filter" else "length"
    if any(isinstance(part, ToolCall) for part in parts):
        return "tool_calls"
    return "refusal" if any(isinstance(part, Refusal) for part in parts) else "stop"


def read_reply(body: bytes) -> ChatReply:
    """Raises UpstreamError when it is not a finished response."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid_reply(f"not JSON ({error})") from None
    if not isinstance(document, dict) or not isinstance(document.get("output"), list):
        raise invalid_reply("a response has an array 'output'")
    if document.get("status") == "failed":
        raise failed_reply(document.get("error"))
    if document.get("status") in ("cancelled", "queued", "in_progress"):
        raise invalid_reply(f"the response is {document['status']}")
    parts = [part for item in document["output"] for part in _read_item(item)]
    extra = {name: value for name, value in document.items() if name not in _KNOWN}
    usage = with_tier(read_usage(document.get("usage")), document.get("service_tier"))
    return ChatReply(
        id=words(document.get("id")),
        model=words(document.get("model")),
        choices=[Choice(parts, read_finish(document, parts), logprobs=_logprobs(parts))],
        usage=with_searches(usage, document["output"]) or Usage(),
        created=count(document.get("created_at")),
        extra={FORMAT: extra},
    )


def _logprobs(parts: list[Part]) -> Any:
    """Those of all the text, as chat completions tell them; None when there are none."""
    told = [(part.extra or {}).get(FORMAT, {}).get("logprobs") for part in parts if isinstance(part, Text)]
    listed = [one for some in told if isinstance(some, list) for one in some]
    return {"content": listed, "refusal": None} if listed else None


def _read_item(item: Any) -> list[Part]:
    if not isinstance(item, dict):
        raise invalid_reply("an entry of 'output' is no object")
    kind = item.get("type")
    if kind == "message":
        content = item.get("content")
        return [_read_part(part) for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    if kind in ("function_call", "custom_tool_call"):
        return [read_call(item)]
    if kind == "reasoning":
        return [Thinking(reasoning_text(item), words(item.get("encrypted_content")))]
    return [Opaque(FORMAT, item)]


def _read_part(part: dict[str, Any]) -> Part:
    if part.get("type") == "refusal":
        return Refusal(words(part.get("refusal")))
    more = {name: value for name, value in part.items() if name not in ("type", "text") and value}
    return Text(words(part.get("text")), None, {FORMAT: more} if more else None)


def read_call(item: dict[str, Any]) -> ToolCall:
    """A call item; the input of a free-form one as the argument of a function."""
    name = joined(words(item.get("namespace")), words(item.get("name")))
    if item.get("type") == "custom_tool_call":
        arguments = msgspec.json.encode({"input": words(item.get("input"))}).decode()
    else:
        arguments = words(item.get("arguments")) or "{}"
    return ToolCall(words(item.get("call_id")), name, arguments)


def reasoning_text(item: dict[str, Any]) -> str:
    """What a reasoning item shows: its summary, else its content."""
    for name in ("summary", "content"):
        parts = item.get(name)
        texts = [words(part.get("text")) for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        if any(texts):
            return "\n\n".join(texts)
    return ""


def response_id(id: str, context: ReplyContext) -> str:
    """A provider's reply id in the form responses have."""
    return id if id.startswith("resp_") else f"resp_{id or context.request_id}"


def envelope(context: ReplyContext, id: str, model: str, created: int, status: str) -> dict[str, Any]:
    """A response without its output. It repeats what it was asked with, as OpenAI's do."""
    asked = (context.request.original if context.request is not None else None) or {}
    body: dict[str, Any] = {
        "id": response_id(id, context),
        "object": "response",
        "created_at": created or context.created,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": context.model or model,
        "output": [],
        "parallel_tool_calls": asked.get("parallel_tool_calls", True) is not False,
        "previous_response_id": None,
        "store": False,
        "tool_choice": asked.get("tool_choice") or "auto",
        "tools": asked.get("tools") or [],
        "usage": None,
    }
    body.update({name: asked[name] for name in _ECHOED if asked.get(name) is not None})
    return body


def finish(body: dict[str, Any], reason: FinishReason) -> str:
    """Write why the answer ended into a response; returns the name of its last event."""
    incomplete = _INCOMPLETE.get(reason)
    if reason == "refusal" and not body["output"]:  # nothing says so but this
        incomplete = "content_filter"
    if incomplete is None:
        body["status"] = "completed"
        return "response.completed"
    body["status"] = "incomplete"
    body["incomplete_details"] = {"reason": incomplete}
    return "response.incomplete"


def text_part(text: str, logprobs: Any = None) -> dict[str, Any]:
    """An ``output_text`` part."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs or []}


def message_item(id: str, content: list[dict[str, Any]], status: str = "completed") -> dict[str, Any]:
    """An output message."""
    return {"id": f"msg_{id}", "type": "message", "role": "assistant", "status": status, "content": content}


def reasoning_item(id: str, part: Thinking, origin: str) -> dict[str, Any]:
    """A reasoning item. What another format's provider signed travels packed in ``encrypted_content``."""
    item: dict[str, Any] = {"id": f"rs_{id}", "type": "reasoning"}
    item["summary"] = [{"type": "summary_text", "text": part.text}] if part.text else []
    signature = part.signature if origin in ("", FORMAT) else pack(part, origin)
    if signature:
        item["encrypted_content"] = signature
    return item


def write_reply(reply: ChatReply, context: ReplyContext) -> bytes:
    """A response: the first choice of the reply."""
    choice = reply.choices[0] if reply.choices else Choice([])
    body = envelope(context, reply.id, reply.model, reply.created, "completed")
    calls = Calls(context)
    output: list[dict[str, Any]] = []
    logprobs = chat_logprobs(choice.logprobs)
    for index, part in enumerate(choice.parts):
        id = f"{context.request_id or reply.id}_{index}"
        if isinstance(part, Text):
            own = (part.extra or {}).get(FORMAT) or {}
            output.append(message_item(id, [{**text_part(part.text, logprobs), **own}]))
            logprobs = []
        elif isinstance(part, Refusal):
            output.append(message_item(id, [{"type": "refusal", "refusal": part.text}]))
        elif isinstance(part, ToolCall):
            output.append(calls.item(part, id))
        elif isinstance(part, Thinking):
            output.append(reasoning_item(id, part, context.provider_format))
        elif isinstance(part, Opaque) and part.protocol == FORMAT:
            output.append(part.value)
    body["output"] = output
    finish(body, choice.finish_reason)
    body["usage"] = write_usage(reply.usage)
    body.update(reply.extra.get(FORMAT, {}))
    return msgspec.json.encode(body)


def chat_logprobs(value: Any) -> list[Any]:
    """Log probabilities of chat completions as responses have them."""
    content = value.get("content") if isinstance(value, dict) else None
    return content if isinstance(content, list) else []
