"""A request and its answer, whatever the wire format: what the dialects translate from and to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Stop = Literal["stop", "length", "tool_calls", "refusal"]


@dataclass(frozen=True, slots=True)
class ToolOffer:
    """A tool the caller offers."""

    name: str
    schema: dict[str, Any]
    freeform: bool = False
    """A call to it is one text, not JSON (responses)."""
    namespace: str = ""
    """The group it is offered in (responses)."""


@dataclass(slots=True)
class Ask:
    """What the caller wants."""

    model: str
    prompt: str
    """Everything the model would read, as one text: tools, system, messages in order."""
    last_text: str
    """The last message of the user."""
    stream: bool = False
    tool_results: list[str] = field(default_factory=list)
    """Texts of the tool results the conversation ends with; empty when it ends otherwise."""
    tools: list[ToolOffer] = field(default_factory=list)
    choice: str = "auto"
    """``auto``, ``none``, ``any``, or the name of the tool that must be called."""
    parallel: bool = True
    schema: dict[str, Any] | None = None
    """The JSON Schema the answer must fit."""
    max_tokens: int | None = None
    include_usage: bool = False
    thinking: bool = False
    choices: int = 1
    rounds: int = 0
    """How many times the model has called tools in this conversation."""
    source: Any = None
    """What the dialect keeps of the request for its answer."""
    breakpoints: list[int] | None = None
    """Where in ``prompt`` the caller asked for caching; None when the provider caches by itself."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call of the answer."""

    id: str
    name: str
    arguments: str
    freeform: bool = False
    namespace: str = ""


@dataclass(slots=True)
class Answer:
    """What the model says."""

    id: str
    created: int
    model: str
    text: str
    calls: list[Call]
    stop: Stop
    thinking: str = ""
    prompt_tokens: int = 0
    """The whole prompt, cached part included."""
    cached_tokens: int = 0
    written_tokens: int = 0
    completion_tokens: int = 0


class Refusal(Exception):
    """A request the real provider would not take; the dialect knows how it says so."""

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
