"""Fields of one format that others have no place for: left out and named, or refused when the answer hangs on them."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import ChatRequest, Tool
from tollhouse.dataplane.dialect import OPENAI_ONLY
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.protocols._fields import unsupported
from tollhouse.dataplane.protocols._generations import takes_verbosity

_ELSEWHERE = {
    "previous_response_id": "the conversation it names is kept at OpenAI; send the whole conversation in input.",
    "conversation": "the conversation it names is kept at OpenAI; send the whole conversation in input.",
    "prompt": "the prompt it names is kept at OpenAI; send its text in instructions.",
    "background": "this model's provider answers at once only; leave it out.",
    "cachedContent": "the cache it names is kept at Google; send the contents themselves.",
}
"""Fields without which the answer would be another one -> what to do."""

_OPENAI = ("openai_chat", "openai_responses")
_MEDIA = {"modalities": "text", "responseModalities": "TEXT"}
"""Fields that name what an answer is to be made of -> what every answer is made of."""

_PARTLY = {
    "anthropic_messages": ("thinking", "output_config", "metadata"),
    "openai_responses": ("text", "reasoning"),
    "gemini_generate": ("generationConfig",),
}
"""Objects of which a part is carried: what is left of them is named field by field."""


def some_content(written: list[Any]) -> list[Any]:
    """What was written of a conversation. Raises ClientError when that is nothing: every provider refuses it."""
    if not written:
        raise ClientError(400, "invalid_value", "messages: expected some content, all are empty.", param="messages")
    return written


def left_out_of(tool: Tool, own: str) -> list[str]:
    """The names of what a client of another format said of a tool and this one has no place for. Loading later only
    saves the model's attention, and a tool that takes one text is written as a function."""
    return [
        f"tools.{name}"
        for format_name, fields in (tool.extra or {}).items()
        if format_name != own
        for name in fields
        if name not in ("defer_loading", "custom")
    ]


def require_movable(chat: ChatRequest, own: str) -> None:
    """Raises ClientError where a client of another format said what must not be left out: before anything else is
    looked at, because without it little of the request may be there."""
    for format_name, fields in chat.extra.items():
        if format_name == own:
            continue
        for name, value in fields.items():
            reason = _ELSEWHERE.get(name)
            if reason is not None and value:
                raise unsupported(name, reason)
            require_text(name, value)
            if name in _PARTLY.get(format_name, ()) and isinstance(value, dict):
                for inner, held in value.items():
                    require_text(inner, held, f"{name}.")


def left_out(chat: ChatRequest, own: str) -> list[str]:
    """The names of what a client of another format said and this one has no place for."""
    names: list[str] = []
    for format_name, fields in chat.extra.items():
        if format_name == own:
            continue
        names += chat.unread
        carried = shared(chat, own) if own in _OPENAI and format_name in _OPENAI else {}
        for name, value in fields.items():
            if name in _PARTLY.get(format_name, ()) and isinstance(value, dict):
                names += [f"{name}.{inner}" for inner in value if inner not in carried]
            elif name not in carried:
                names.append(name)
    return [name for name in names if name not in _MEDIA and name.partition(".")[2] not in _MEDIA]


def shared(chat: ChatRequest, own: str) -> dict[str, Any]:
    """What a client of OpenAI's other format said that this one has as well, by its name; ``verbosity`` too."""
    for format_name, fields in chat.extra.items():
        if format_name != own and format_name in _OPENAI:
            inner = fields.get("text")
            told = {**fields, **inner} if isinstance(inner, dict) else fields
            verbose = takes_verbosity(chat.model)
            return {name: told[name] for name in told if name in OPENAI_ONLY and (verbose or name != "verbosity")}
    return {}


def require_text(name: str, value: Any, holder: str = "") -> None:
    """Raises ClientError where an answer is to be made of more than text: the client would wait for it in vain."""
    known = _MEDIA.get(name)
    if known is None or not isinstance(value, list):
        return
    wanted = [one for one in value if one != known]
    if wanted:
        reason = f"{wanted[0]!r} reaches only providers of the client's own format; ask for {known!r} alone."
        raise unsupported(f"{holder}{name}", reason)
