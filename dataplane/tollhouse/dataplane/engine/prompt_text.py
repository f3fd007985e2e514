"""The text of a prompt, for judging it: found in the request as it came, whatever chat format it is in.

Only what is judged is decoded: by default the messages after the model's last answer, read from the end.
"""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import ClientError

_MESSAGES = msgspec.json.Decoder(list[msgspec.Raw])

_NOT_TEXT = frozenset(
    (
        "type",
        "id",
        "role",
        "tool_use_id",
        "tool_call_id",
        "call_id",
        "file_id",
        "media_type",
        "format",
        "detail",
        "url",
        "data",
        "file_data",
        "signature",
        "encrypted_content",
        "thoughtSignature",
        "mimeType",
        "mime_type",
        "cache_control",
    )
)
"""Keys under which no text for the model stands: names of things, media, and what only its maker can read."""

_OWN_WORDS = ("assistant", "system", "developer")
"""Roles whose messages are judged only when all roles are."""

_INSTRUCTIONS = ("system", "instructions", "systemInstruction", "system_instruction")
"""Where the formats have what stands before the conversation."""

_MAX_DEPTH = 64


def texts_of(value: Any, depth: int = 0) -> list[str]:
    """Every piece of text in a message, a content part, a tool result or a list of them, in order."""
    if isinstance(value, str):
        return [value] if value else []
    if depth > _MAX_DEPTH:
        return []
    if isinstance(value, list):
        return [text for item in value for text in texts_of(item, depth + 1)]
    if not isinstance(value, dict):
        return []
    found: list[str] = []
    inline = value.get("type") == "text" and isinstance(value.get("data"), str)
    if inline:  # an Anthropic document given as text
        found.append(value["data"])
    for name, inner in value.items():
        if name not in _NOT_TEXT or (name == "data" and not inline and isinstance(inner, dict | list)):
            found += texts_of(inner, depth + 1)
    return found


def new_texts(document: RequestDocument, *, all_roles: bool = False) -> list[str]:
    """What is new in the request: its messages after the model's last answer, so a user's words and tool results
    alike. Answers at the very end are the client's own writing (a prefill): they and what they answer are new too.
    System and developer messages count only with ``all_roles``, or as the last one."""
    name = _conversation(document)
    if not name:
        return _one_turn(document)
    raw = _split(document, name)
    found: list[list[str]] = []
    asked = False
    for position in range(len(raw) - 1, -1, -1):
        message = _decode(raw[position], name, position)
        role = _role(message)
        if role == "assistant":
            if asked:
                break
            found.append(texts_of(message))
        elif role not in _OWN_WORDS:
            asked = True
            found.append(texts_of(message))
        elif all_roles or position == len(raw) - 1:
            found.append(texts_of(message))
    return [text for texts in reversed(found) for text in texts]


def whole_texts(document: RequestDocument, *, all_roles: bool = False) -> list[str]:
    """The whole conversation: what users and tools said, and with ``all_roles`` also the model and the system."""
    found = _instructions(document) if all_roles else []
    name = _conversation(document)
    messages = document.get(name) if name else None
    if not isinstance(messages, list):
        return found + _one_turn(document)
    for message in messages:
        role = _role(message)
        if all_roles or role not in _OWN_WORDS:
            found += texts_of(message)
    return found


def last_user_texts(document: RequestDocument) -> list[str]:
    """What the user said last, tool results apart: an allow-list is about the task, not about what tools return."""
    name = _conversation(document)
    if not name:
        return _one_turn(document)
    raw = _split(document, name)
    for position in range(len(raw) - 1, -1, -1):
        message = _decode(raw[position], name, position)
        if not isinstance(message, dict) or _role(message) != "user":
            continue
        content = message.get("content", message.get("parts"))
        if isinstance(content, list):
            content = [
                part
                for part in content
                if not (isinstance(part, dict) and (part.get("type") == "tool_result" or "functionResponse" in part))
            ]
        texts = texts_of(content)
        if texts:
            return texts
    return []


def opening_texts(document: RequestDocument) -> list[str]:
    """How the conversation begins: the instructions, and what is said up to the user's first words. Its turns have
    this in common."""
    found = _instructions(document)
    name = _conversation(document)
    if not name:
        return found + _one_turn(document)
    for position, raw in enumerate(_split(document, name)):
        message = _decode(raw, name, position)
        found += texts_of(message)
        if _role(message) == "user":
            break
    return found


def turn_count(document: RequestDocument) -> int:
    """How many messages the conversation has so far; a prompt is one."""
    name = _conversation(document)
    return len(_split(document, name)) if name else 1


def _instructions(document: RequestDocument) -> list[str]:
    return [text for name in _INSTRUCTIONS for text in texts_of(document.get(name))]


def _one_turn(document: RequestDocument) -> list[str]:
    """What is said where there are no turns: a prompt, or the one content Google takes without an array around it."""
    return [text for name in ("input", "prompt", "contents") for text in texts_of(document.get(name))]


def _conversation(document: RequestDocument) -> str:
    """The field that holds the conversation, turn by turn; empty when there is none (a prompt, texts to embed)."""
    if "messages" in document:
        return "messages"
    for name in ("contents", "input"):
        if document.raw_field(name).lstrip().startswith(b"[") and b"{" in document.raw_field(name)[:64]:
            return name
    return ""


def _role(message: Any) -> str | None:
    """Who says it. Items of OpenAI's responses without a role are the model's calls and thoughts, or what tools gave
    back; Google's ``model`` is the assistant, and says ``user`` when it leaves the role out."""
    if not isinstance(message, dict):
        return None
    role = message.get("role")
    if role == "model":
        return "assistant"
    if isinstance(role, str):
        return role
    if "parts" in message:
        return "user"
    kind = message.get("type")
    if isinstance(kind, str) and (kind == "reasoning" or kind.endswith("_call")):
        return "assistant"
    return None


def _split(document: RequestDocument, name: str) -> list[msgspec.Raw]:
    try:
        return _MESSAGES.decode(document.raw_field(name))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ClientError(400, "invalid_value", f"{name}: expected an array of messages.", param=name) from None


def _decode(raw: msgspec.Raw, name: str, position: int) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        where = f"{name}[{position}]"
        raise ClientError(400, "invalid_json", f"{where} is not valid JSON: {error}.", param=where) from None
