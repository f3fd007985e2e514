"""The neutral form of a chat: the hub every wire format decodes to and encodes from.

Requests and replies are plain data; a stream is a sequence of events. Fields a format knows and the neutral form does
not ride in ``extra`` under the format's own name and are used only when both sides speak that format.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Role = Literal["system", "developer", "user", "assistant", "tool"]

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "stop_sequence", "refusal", "pause", "error"]
"""Why a reply ended. ``stop`` and ``stop_sequence`` are one in OpenAI's format; ``pause`` is Anthropic's pause_turn."""


class Text(msgspec.Struct):
    """A piece of text. ``cache`` is the client's cache mark (Anthropic ``cache_control``), kept where it exists."""

    text: str
    cache: dict[str, Any] | None = None
    extra: dict[str, Any] | None = None


class Image(msgspec.Struct):
    """An image by URL or inline (base64 ``data`` with its ``media_type``); exactly one of the two is set."""

    url: str = ""
    data: str = ""
    media_type: str = ""
    detail: str = ""
    cache: dict[str, Any] | None = None


class Document(msgspec.Struct):
    """A document (PDF or text) by URL or inline: base64 ``data`` with ``media_type``, or ``text``."""

    url: str = ""
    data: str = ""
    text: str = ""
    media_type: str = ""
    name: str = ""
    cache: dict[str, Any] | None = None


class Audio(msgspec.Struct):
    """Inline audio, base64."""

    data: str
    format: str


class ToolCall(msgspec.Struct):
    """A call the model made. ``arguments`` is JSON text, exactly as it was written (``{}`` when there are none)."""

    id: str
    name: str
    arguments: str = "{}"
    cache: dict[str, Any] | None = None


class ToolResult(msgspec.Struct):
    """What a tool gave back."""

    call_id: str
    parts: list[Text | Image | Document]
    is_error: bool = False
    cache: dict[str, Any] | None = None


class Thinking(msgspec.Struct):
    """Reasoning the model showed. ``signature`` and ``redacted`` mean something only to the provider that made them."""

    text: str = ""
    signature: str = ""
    redacted: str = ""
    origin: str = ""
    """The format of the provider that signed it, where a client of another format brought it back to us; empty: the
    request's own."""


class Refusal(msgspec.Struct):
    """The model declined, in words."""

    text: str


class Opaque(msgspec.Struct):
    """A part only one wire format knows (a server tool, say). Carried to a target of that format, dropped elsewhere."""

    protocol: str
    value: dict[str, Any]


Part = Text | Image | Document | Audio | ToolCall | ToolResult | Thinking | Refusal | Opaque


class Message(msgspec.Struct):
    """One turn. Tool results stand in messages of role ``tool``, one or several results each."""

    role: Role
    parts: list[Part]
    name: str = ""


class Tool(msgspec.Struct):
    """A function the model may call; ``parameters`` is its JSON Schema, untouched."""

    name: str
    description: str = ""
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    cache: dict[str, Any] | None = None
    opaque: Opaque | None = None
    """Set instead of the rest for a provider's built-in tool."""
    extra: dict[str, Any] | None = None
    """Fields only the client's format knows, under the format's name."""
    freeform: bool = False
    """The client takes a call as one text instead of JSON: elsewhere it is a function with one string ``input``."""
    namespace: str = ""
    """The group the client offers it in; ``name`` is then the group's and the tool's own, joined by ``__``."""


class ToolChoice(msgspec.Struct):
    """Whether and which tool must be called; ``name`` only with mode ``tool``."""

    mode: Literal["auto", "none", "required", "tool"]
    name: str = ""


class ResponseFormat(msgspec.Struct):
    """Structured output: any JSON object, or one that fits ``schema``."""

    kind: Literal["text", "json_object", "json_schema"]
    name: str = ""
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str = ""


class Reasoning(msgspec.Struct):
    """How hard to think: by effort, by token budget, or as the model likes (``adaptive``)."""

    effort: str = ""
    budget_tokens: int | None = None
    enabled: bool | None = None
    adaptive: bool = False


class ChatRequest(msgspec.Struct):
    """A chat request in neutral form. None means the client did not say."""

    model: str
    messages: list[Message]
    tools: list[Tool] = msgspec.field(default_factory=list)
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    """0..2, OpenAI's range; formats with another range map it."""
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: list[str] = msgspec.field(default_factory=list)
    stream: bool = False
    stream_usage: bool = False
    """The client itself asked for usage in the stream."""
    choices: int = 1
    logprobs: bool | None = None
    top_logprobs: int | None = None
    response_format: ResponseFormat | None = None
    reasoning: Reasoning | None = None
    user: str = ""
    extra: dict[str, Any] = msgspec.field(default_factory=dict)
    """Fields only the client's own format knows."""
    unread: list[str] = msgspec.field(default_factory=list)
    """Fields inside messages, parts and tools that no other format has a place for, by their dotted names."""
    keeps_thoughts: bool = False
    """The provider wants to be told again what it thought before its calls, though nobody signed it (DeepSeek)."""
    original: dict[str, Any] | None = None
    """The body it was read from, for formats whose requests the neutral form holds only in part: written back as it
    came where both sides speak that format."""


class Special(msgspec.Struct, frozen=True, omit_defaults=True):
    """What few answers have, of what they are charged for."""

    tier: str = ""
    """The provider's service tier where it is not the standard one: ``batch``, ``flex``, ``priority``, ``fast``."""
    audio_input: int = 0
    audio_output: int = 0
    cached_audio: int = 0
    image_input: int = 0
    image_output: int = 0
    cached_image: int = 0
    """Tokens; the cached ones are among the cached and among those of their kind."""
    web_searches: int = 0
    audio_ms: int = 0
    """Length of the audio that was read, where that is what is charged."""
    characters: int = 0
    """That were spoken."""
    images: int = 0
    """Pictures that were made."""
    answer: str = ""
    """The provider's id of an answer it keeps, where that says how to charge: see ``kept``."""
    kept: str = ""
    """``open``: it is not finished, the truth comes when it is read; ``read``: it is read, and charged the first time;
    ``mend``: it was charged when it was made, and may only be corrected."""
    model: str = ""
    """Whose answer it is, where the request did not say."""
    price_source: str = ""
    """And by which prices it was charged."""
    parts: tuple[tuple[str, Any], ...] = ()
    """Of a batch that asked several models: what each used (``Usage``)."""


class Usage(msgspec.Struct):
    """Tokens one attempt consumed, as the provider counted them.

    ``input_tokens`` is everything read, cached and cache-written tokens included (OpenAI's way of counting);
    ``output_tokens`` is everything written, reasoning included.
    """

    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    """Written to the provider's cache with the short (5 min) lifetime."""
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    """The provider was silent; the figures are ours."""
    special: Special | None = None
    """None where there is nothing special, which is nearly always."""

    @property
    def total_tokens(self) -> int:
        """Input and output."""
        return self.input_tokens + self.output_tokens


class Choice(msgspec.Struct):
    """One answer."""

    parts: list[Part]
    finish_reason: FinishReason = "stop"
    stop_sequence: str | None = None
    logprobs: Any = None


class ChatReply(msgspec.Struct):
    """A whole reply in neutral form."""

    id: str
    model: str
    choices: list[Choice]
    usage: Usage
    created: int = 0
    extra: dict[str, Any] = msgspec.field(default_factory=dict)


# --- a stream, as events ------------------------------------------------------------------------------------------

PartKind = Literal["text", "thinking", "redacted_thinking", "tool_call", "refusal", "opaque"]


class ReplyStarted(msgspec.Struct):
    """The first event. ``usage`` holds what is known of the input already, if anything."""

    id: str
    model: str
    created: int = 0
    usage: Usage | None = None


class PartStarted(msgspec.Struct):
    """A part begins. ``index`` counts the parts of a choice from 0 in order; parts do not overlap except tool calls
    of OpenAI's format, whose deltas may interleave."""

    choice: int
    index: int
    kind: PartKind
    call_id: str = ""
    name: str = ""
    redacted: str = ""
    opaque: Opaque | None = None
    """The start of a part of kind ``opaque``: one only its own format can show."""


class OpaqueDelta(msgspec.Struct):
    """More of a part in a form only one format knows (a citation, say); dropped by the others."""

    choice: int
    index: int
    opaque: Opaque


class TextDelta(msgspec.Struct):
    """More text of a part of kind ``text`` or ``refusal``."""

    choice: int
    index: int
    text: str
    logprobs: Any = None


class ThinkingDelta(msgspec.Struct):
    """More reasoning; ``signature`` arrives last, when there is one."""

    choice: int
    index: int
    text: str = ""
    signature: str = ""


class ArgumentsDelta(msgspec.Struct):
    """More JSON text of a tool call's arguments."""

    choice: int
    index: int
    json: str


class PartEnded(msgspec.Struct):
    """A part is complete."""

    choice: int
    index: int


class Finished(msgspec.Struct):
    """A choice is complete."""

    choice: int
    reason: FinishReason
    stop_sequence: str | None = None


class UsageReported(msgspec.Struct):
    """Usage so far; the last one counts. Cumulative, never a difference."""

    usage: Usage


class Failed(msgspec.Struct):
    """The provider said in the stream that it failed. ``type`` is the provider's own word."""

    type: str
    message: str
    status: int = 0


class Ended(msgspec.Struct):
    """The format's own end mark (``[DONE]``, ``message_stop``) came. A stream without it was cut."""


Event = (
    ReplyStarted
    | PartStarted
    | TextDelta
    | ThinkingDelta
    | ArgumentsDelta
    | OpaqueDelta
    | PartEnded
    | Finished
    | UsageReported
    | Failed
    | Ended
)


def is_content(event: Event) -> bool:
    """Whether the client would see something of the answer: from here on an attempt cannot be replayed."""
    return isinstance(event, TextDelta | ThinkingDelta | ArgumentsDelta) or (
        isinstance(event, PartStarted) and event.kind in ("tool_call", "redacted_thinking", "opaque")
    )
