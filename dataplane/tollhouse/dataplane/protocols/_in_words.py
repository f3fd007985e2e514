"""Structured output where it cannot be asked for by a field: the model is told, and its answer is not enforced."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import ResponseFormat

_ANY = "Answer with one valid JSON object and nothing else."
_FITTING = "Answer with one valid JSON value that fits this JSON Schema and nothing else:\n"


def in_words(wanted: ResponseFormat) -> str:
    """What the model is told."""
    if wanted.schema is None:
        return _ANY
    return _FITTING + msgspec.json.encode(wanted.schema).decode()


def behind_system(messages: list[dict[str, Any]], told: dict[str, Any]) -> None:
    """Put a message behind those of the system a conversation of OpenAI's formats begins with."""
    place = 0
    while place < len(messages) and messages[place].get("role") in ("system", "developer"):
        place += 1
    messages.insert(place, told)
