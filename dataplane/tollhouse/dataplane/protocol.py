"""What a wire format is: decode and encode a request, a reply and a stream; plus how it writes an error."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import msgspec
from tollhouse.dataplane.chat import ChatReply, ChatRequest, Event, Usage
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import GatewayError

Stored = Literal["", "list", "new", "batch", "one"]
"""Of what a provider keeps: nothing, a list of it, something new, a new batch (whose requests are worked on, and cost,
later), or one thing by its id."""


class Peek(msgspec.Struct):
    """What routing, limits and accounting need of a request, read without decoding the rest."""

    model: str
    stream: bool = False
    max_tokens: int | None = None
    choices: int = 1
    user: str = ""
    needs: frozenset[str] = frozenset()
    """Capabilities the request cannot do without: ``tools``, ``structured_output``. (Images are found by decoding.)"""


@dataclass(slots=True)
class Encoded:
    """A request in a provider's format."""

    body: dict[str, Any]
    dropped: list[str] = field(default_factory=list)
    """Names of what could not be carried and was left out by a documented rule: goes to ``x-tollhouse-dropped``."""
    renamed_tools: dict[str, str] = field(default_factory=dict)
    """Name sent -> the client's own name, to be restored on the way back."""


@dataclass(slots=True)
class ReplyContext:
    """What encoding a reply needs to know of the request it answers."""

    model: str
    """The name the client asked for; replies carry it."""
    stream_usage: bool = False
    """The client asked for usage in its stream (OpenAI ``stream_options.include_usage``)."""
    renamed_tools: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""
    created: int = 0
    """Epoch seconds, for formats that date their replies when the provider's does not."""
    request: ChatRequest | None = None
    """The request answered, without its messages, for formats whose replies repeat it or name its tools in a way of
    their own."""
    provider_format: str = ""
    """The format the provider answers in: signatures of its reasoning mean something there only."""


class StreamDecoder(ABC):
    """Provider bytes to events, incrementally. One per attempt; not safe to share."""

    @abstractmethod
    def feed(self, data: bytes) -> list[Event]:
        """The events completed by these bytes, however the stream was cut. Malformed data gives ``Failed``."""

    @abstractmethod
    def close(self) -> list[Event]:
        """The stream ended. Whether it was whole is told by ``Ended`` having come."""


class StreamEncoder(ABC):
    """Events to client bytes. One per exchange; not safe to share."""

    @abstractmethod
    def encode(self, event: Event) -> bytes:
        """The bytes for one event; may be empty. What is returned can be flushed as it is."""

    @abstractmethod
    def error(self, error: GatewayError, request_id: str) -> bytes:
        """A well-formed terminal error event."""


class StreamEditor(ABC):
    """Keeps a stream's own events true to what the client is shown, for formats that say everything more than once. One
    per attempt; not safe to share."""

    @abstractmethod
    def show(self, event: Event) -> None:
        """The client is shown this: called in order, before the bytes it stands in are edited."""

    @abstractmethod
    def waits(self, raw: bytes) -> bool:
        """Whether an event of the stream, of which the decoder told nothing, repeats or foretells what it does tell:
        it must not go out before that."""

    @abstractmethod
    def edit(self, raw: bytes) -> bytes:
        """The bytes of an event with what was shown in them; the same object where that is what they say."""


class UsageReader(ABC):
    """Watches a stream that passes untouched, and reads from it only what accounting needs.

    ``feed`` must be far cheaper than decoding: most chunks are looked at with a byte search only.
    """

    __slots__ = ("ended", "failed", "has_content", "model", "rejected", "reported", "usage")

    def __init__(self) -> None:
        self.usage = Usage()
        self.model = ""
        """The model the provider says it is; empty until told."""
        self.has_content = False
        """A content event has come: the attempt cannot be replayed any more."""
        self.ended = False
        """The format's end mark has come."""
        self.failed: GatewayError | None = None
        """An error event has come (its cause, as the provider put it)."""
        self.rejected = False
        """``failed`` is our own verdict on what came: the client has not seen it, and has still to be told."""
        self.reported = False
        """The provider has reported usage."""

    @abstractmethod
    def feed(self, data: bytes) -> bytes:
        """Look at a chunk and return what may go to the client: the same object, unless something in it must be
        hidden (usage the client did not ask for) or an event is split over chunks and must be held."""

    @abstractmethod
    def close(self) -> bytes:
        """What was held back at the end of the stream."""


class Protocol(ABC):
    """A wire format. Stateless; one instance serves the process. Subclass, put it in ``protocols/``, done."""

    name: ClassVar[str]
    """``openai_chat``, ``anthropic_messages``: used in configs, metrics and logs."""

    operation: ClassVar[str] = "chat"
    """OpenTelemetry's ``gen_ai.operation.name``."""

    model_in_body: ClassVar[bool] = True
    """Whether requests name the model in their body; not where the path does."""

    limit_field: ClassVar[str] = "max_tokens"
    """The field that limits output; a dot leads into an object, empty: there is none."""

    opaque: ClassVar[bool] = False
    """Bodies of any kind pass both ways as they are, under the client's own method and the rest of its path."""

    untranslated: ClassVar[bool] = False
    """No other format can stand for this one: requests reach only providers that speak it."""

    option_fields: ClassVar[Mapping[str, str]] = {}
    """Where options an operator sets (``temperature``) stand in this format, if not in a field of that name."""

    stream_type: ClassVar[str] = "text/event-stream"
    """The content type of this format's streams."""

    request_id_header: ClassVar[str] = ""
    """Where this format's SDKs look for the id a request goes by, to put it into their errors."""

    keepalive: ClassVar[bytes] = b""
    """What may stand between two events of a stream, and before the first, and means nothing: it tells clients, and
    proxies before them, that somebody is there. Empty: there is no such thing."""

    # -- which requests are in this format

    @abstractmethod
    def claims(self, path: str, document: RequestDocument | None) -> bool:
        """Whether a request for this path (without query) is in this format. ``document`` is given when the body has
        been read; a path may be enough (``/v1/messages``)."""

    # -- requests

    def rest(self, path: str) -> str:
        """What ``{rest}`` stands for in a provider's path."""
        return ""

    def stored(self, method: str, path: str) -> Stored:
        """What a request is about that a provider keeps for its account; most are about nothing of the kind."""
        return ""

    def has_links(self, path: str) -> bool:
        """Whether answers that pass may hold addresses of the provider's, which ``own_links`` is to change."""
        return False

    def own_links(self, body: bytes) -> bytes:
        """Such an answer with the addresses leading here."""
        return body

    def read_document(self, body: bytes, headers: Mapping[str, str]) -> RequestDocument:
        """The body as a document. Raises ClientError 400 when it is none."""
        return RequestDocument(body)

    def enter(self, path: str, query: str, document: RequestDocument) -> None:  # noqa: B027 - most have nothing to do
        """Put what the address says of the request (the model, say) into the document, where everything else looks
        for it. Called once, before the request is looked at. Raises ClientError 400."""

    @abstractmethod
    def peek(self, document: RequestDocument) -> Peek:
        """Raises ClientError 400 naming the field that is missing or of the wrong type."""

    @abstractmethod
    def decode_request(self, document: RequestDocument) -> ChatRequest:
        """Neutral form. Raises ClientError 400 naming the field at fault."""

    @abstractmethod
    def encode_request(self, chat: ChatRequest, *, max_output_tokens: int | None) -> Encoded:
        """For a provider. ``max_output_tokens`` is the model's limit where known: formats that must name a maximum use
        it when the client named none."""

    @abstractmethod
    def passthrough_edits(self, document: RequestDocument, dropped: list[str]) -> bool:
        """Edits a request needs also when both sides speak this format: ask the provider for usage in the stream.
        Returns whether that usage must be hidden from the client. What is left out is named in ``dropped``."""

    def own_answer(self, document: RequestDocument) -> bytes | None:
        """The body of an answer the gateway gives itself, after the request was admitted and judged; None when a
        provider must be asked. Raises ClientError 400 naming the field at fault."""
        return None

    # -- replies

    @abstractmethod
    def decode_reply(self, body: bytes) -> ChatReply:
        """Raises UpstreamError 502 ``invalid_upstream_reply`` when it is not a reply in this format."""

    @abstractmethod
    def encode_reply(self, reply: ChatReply, context: ReplyContext) -> bytes:
        """The client's body."""

    @abstractmethod
    def read_usage(self, body: bytes) -> tuple[Usage | None, str]:
        """Usage and model from a whole reply that passes untouched, decoding only these. None: it does not say.
        Raises UpstreamError 502 ``invalid_upstream_reply`` when there is no answer of this format in it."""

    # -- streams

    @abstractmethod
    def stream_decoder(self) -> StreamDecoder: ...

    @abstractmethod
    def stream_encoder(self, context: ReplyContext) -> StreamEncoder: ...

    def stream_editor(self, decoder: StreamDecoder) -> StreamEditor | None:
        """For formats whose streams repeat what they said; ``decoder`` is that of the same stream."""
        return None

    @abstractmethod
    def usage_reader(self, *, hide_usage: bool) -> UsageReader: ...

    # -- errors

    @abstractmethod
    def encode_error(self, error: GatewayError, request_id: str) -> bytes:
        """The body of an error answer in this format; the status is the error's (or ``error_status``)."""

    def error_status(self, error: GatewayError) -> int:
        """The HTTP status this format's clients expect for the error."""
        return error.status

    def error_headers(self, error: GatewayError) -> dict[str, str]:
        """Headers besides ``Retry-After``, e.g. ``x-should-retry: false`` where SDKs look at it."""
        return {}
