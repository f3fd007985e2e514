"""Tools that take one text instead of JSON (OpenAI's ``custom`` tools): elsewhere a function with one string."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import ChatRequest
from tollhouse.dataplane.protocols._fields import words

SCHEMA = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input of the tool, as plain text."}},
    "required": ["input"],
    "additionalProperties": False,
}
BEGIN = '{"input":"'
END = '"}'
"""What stands around the text, escaped, in the arguments of a call."""


def arguments_of(text: str) -> str:
    """The arguments of a call with this text."""
    return f"{BEGIN}{escaped(text)}{END}"


def escaped(text: str) -> str:
    """A piece of the text as it stands in the arguments."""
    return msgspec.json.encode(text).decode()[1:-1]


def input_of(arguments: str) -> str:
    """The text in the arguments of a call; arguments of another shape are the text themselves."""
    try:
        value = msgspec.json.decode(arguments or "{}")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return arguments
    if isinstance(value, dict) and isinstance(value.get("input"), str):
        return str(value["input"])
    return value if isinstance(value, str) else arguments


def with_grammar(description: str, form: Any) -> str:
    """A description with the grammar the input must fit: other formats cannot enforce one."""
    if isinstance(form, dict) and isinstance(form.get("grammar"), dict):  # chat completions wrap it once more
        form = form["grammar"]
    if not isinstance(form, dict) or not words(form.get("definition")):
        return description
    syntax = words(form.get("syntax")) or "grammar"
    return f"{description}\n\nThe input must fit this {syntax} grammar:\n{form['definition']}".strip()


def freeform_names(request: ChatRequest | None) -> frozenset[str]:
    """The client's own names of such tools."""
    return frozenset(tool.name for tool in request.tools if tool.freeform) if request is not None else frozenset()
