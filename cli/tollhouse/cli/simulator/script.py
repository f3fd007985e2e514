"""What a simulator is told to do: by flags, by the request header ``x-simulate``, or by ``POST /_simulate``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Step(BaseModel):
    """What the model does in one round of a task."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    calls: dict[str, dict[str, Any] | str | list[dict[str, Any]]] = Field(min_length=1)
    """Tool (``group.name`` for one in a group) -> its arguments; a text for a tool that takes one, a list for several
    calls of one tool."""
    text: str = ""
    """What it says before it calls."""


class Script(BaseModel):
    """One behaviour. The default is a healthy, instant provider."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    status: int = Field(default=0, ge=0, le=599)
    """Answer with this error status (400 and above) instead of an answer; 0 answers."""
    message: str = ""
    """The error's text, instead of the provider's usual one."""
    retry_after: float | None = Field(default=None, ge=0)
    """Seconds in the ``Retry-After`` header of an error."""
    first_token_ms: float = Field(default=0, ge=0)
    """Wait this long before the first content (or the whole answer)."""
    token_ms: float = Field(default=0, ge=0)
    """Wait this long between two pieces of content."""
    cut_after: int | None = Field(default=None, ge=0)
    """Close the connection after this many pieces of content; 0: after the reply's head."""
    error_after: int | None = Field(default=None, ge=0)
    """Send an error event inside the 200 stream after this many pieces of content; 0: before any."""
    hang: bool = False
    """Accept the request and never answer it."""
    refuse_connection: bool = False
    """Close the connection without a reply."""
    tools: str | None = None
    """Names of offered tools to call, separated by commas; ``none``: call none, ``all``: every one offered."""
    arguments: str | None = None
    """The arguments (JSON) of every tool call, instead of made-up ones that fit the schema."""
    text: str | None = None
    """What to say."""
    steps: tuple[Step, ...] = ()
    """A task, round by round: what to call, by how many rounds of calls the conversation holds already. A request that
    does not offer the tools of its step is answered as usual, and so is one after the last step."""
    tokens: int | None = Field(default=None, ge=1)
    """How many tokens to say."""
    stop: str | None = None
    """End the answer for this reason: ``length`` or ``refusal``."""
    usage: bool = True
    """Report usage; providers that are silent about it exist."""
    usage_times: float = Field(default=1, ge=0)
    """Report so many times what is billed; providers that count wrongly exist."""
    times: int | None = Field(default=None, ge=1)
    """Only for this many requests (``POST /_simulate``); healthy again afterwards."""

    def over(self, other: Mapping[str, Any]) -> Script:
        """This script with the other's fields on top. Raises ValueError that names the field."""
        try:
            return Script.model_validate({**self.model_dump(exclude_unset=True), **other})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise ValueError(f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}") from None


def parse_header(value: str) -> dict[str, Any]:
    """``status=529; first_token_ms=300`` as a mapping. A value that is JSON is taken as such, others as text; a name
    alone is true. Use JSON text quotes where a value holds a semicolon."""
    fields: dict[str, Any] = {}
    for part in _split(value):
        name, equals, text = part.partition("=")
        name, text = name.strip(), text.strip()
        if not name:
            continue
        if not equals:
            fields[name] = True
        elif name in ("text", "arguments", "message", "tools", "stop"):
            fields[name] = json.loads(text) if text.startswith('"') else text
        else:
            fields[name] = text
    return fields


def _split(value: str) -> list[str]:
    parts, start, quoted = [], 0, False
    for position, character in enumerate(value):
        if character == '"' and value[position - 1 : position] != "\\":
            quoted = not quoted
        elif character == ";" and not quoted:
            parts.append(value[start:position])
            start = position + 1
    parts.append(value[start:])
    return parts
