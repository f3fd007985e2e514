"""One request with its reply, from the first byte in to the last byte out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec
from tollhouse.dataplane.chat import ChatRequest, Usage
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.protocol import Peek, Protocol
from tollhouse.dataplane.provider import UpstreamFailure

if TYPE_CHECKING:
    from tollhouse.dataplane.config.snapshot import CompiledConsumer, CompiledRoute, Snapshot
    from tollhouse.dataplane.pipeline import Pipeline
    from tollhouse.dataplane.records.plugin_times import PluginTime
    from tollhouse.dataplane.records.trace import TraceContext
    from tollhouse.dataplane.reply import Reply


class Attempt(msgspec.Struct):
    """One try on one target and how it ended."""

    target: str
    """The instance's or target's name: APISIX's ``node`` label."""
    provider: str
    provider_name: str
    """OpenTelemetry's ``gen_ai.provider.name``."""
    model: str
    """The provider's own model name; empty on ordinary routes."""
    started_s: float
    """Monotonic seconds."""
    first_byte_s: float | None = None
    ended_s: float | None = None
    status: int = 0
    """The HTTP status, 0 when there was no answer."""
    failure: UpstreamFailure | None = None
    usage: Usage | None = None
    cost_nano: int = 0
    """What it cost in nano-USD; meaningful with ``usage``."""
    price_known: bool = True


class Exchange:
    """A request and everything learned about it. Lives in one task; plugins of one request share it.

    What a plugin wants to keep between its hooks goes into ``state`` under its own name.
    """

    __slots__ = (
        "_args",
        "_chat",
        "_peek",
        "aborted",
        "admitted_s",
        "attempts",
        "begun",
        "body",
        "client_certificate",
        "client_ip",
        "consumer",
        "consumer_name",
        "credential_id",
        "document",
        "dropped",
        "error",
        "first_reply_byte_s",
        "headers",
        "host",
        "id",
        "identified_s",
        "matched_s",
        "method",
        "open_body",
        "path",
        "pipeline",
        "plugin_times",
        "protocol",
        "query",
        "raw_path",
        "read_body",
        "read_s",
        "received_at",
        "received_s",
        "reply",
        "reply_bytes",
        "route",
        "scheme",
        "snapshot",
        "state",
        "trace",
        "upstream_headers",
        "upstream_host",
        "upstream_method",
        "upstream_path",
    )

    def __init__(
        self,
        *,
        id: str,
        snapshot: Snapshot,
        method: str,
        path: str,
        query: str,
        scheme: str,
        host: str,
        headers: Mapping[str, str],
        client_ip: str,
        received_s: float,
        received_at: float,
        read_body: Callable[[], Awaitable[bytes]],
        open_body: Callable[[], AsyncIterator[bytes]] | None = None,
        raw_path: str | None = None,
    ) -> None:
        self.id: str = id
        """The request id (``x-request-id``)."""
        self.snapshot: Snapshot = snapshot
        """The configuration this exchange lives with to its end."""
        self.method: str = method
        self.path: str = path
        """Decoded path without the query, as matched."""
        self.raw_path = raw_path
        """The path as the client wrote it; None: ``path``, encoded anew."""
        self.query: str = query
        """The raw query string without ``?``."""
        self.scheme: str = scheme
        self.host: str = host
        """Lower case, without port."""
        self.headers: Mapping[str, str] = headers
        """The client's headers, case-insensitive, read-only (a multidict: ``getall`` gives repeated ones)."""
        self.client_ip: str = client_ip
        self.client_certificate: bytes = b""
        """What the client showed and the certificate authority of the server name vouches for (DER); empty: none."""
        self.received_s: float = received_s
        """Monotonic seconds."""
        self.received_at: float = received_at
        """Epoch seconds."""
        self.read_body: Callable[[], Awaitable[bytes]] = read_body
        """Reads the whole body once; raises ClientError 413 over the limit, 408 when the client is too slow."""
        self.open_body = open_body
        """The body piece by piece, for ordinary routes that stream it; instead of ``read_body``, not besides it. None
        when there is no body or it cannot be streamed. Raises as ``read_body`` does."""

        self.body: bytes | None = None
        """The body once it was read; None before (ordinary routes may stream it and never set this)."""
        self.document: RequestDocument | None = None
        """The body as a JSON object: set before ADMIT on routes that serve a model."""
        self.protocol: Protocol | None = None
        """The client's wire format: set before the first stage on routes that serve a model."""
        self._peek: Peek | None = None
        self._chat: ChatRequest | None = None
        self._args: dict[str, str] | None = None

        self.route: CompiledRoute | None = None
        self.pipeline: Pipeline | None = None
        self.consumer: CompiledConsumer | None = None
        self.consumer_name: str = ""
        """Empty until identified, and for unknown callers."""
        self.credential_id: str = ""

        self.upstream_path: str | None = None
        """Path and query to send instead of the client's (``proxy-rewrite``)."""
        self.upstream_method: str | None = None
        self.upstream_host: str | None = None
        self.upstream_headers: list[tuple[str, str | None]] = []
        """Edits to what goes upstream, in order: (lower-case name, value) sets, (name, None) removes."""

        self.attempts: list[Attempt] = []
        self.dropped: list[str] = []
        """What translation left out by a documented rule."""
        self.reply: Reply | None = None
        self.error: Exception | None = None
        """The error the client was answered with, if it was."""
        self.first_reply_byte_s: float | None = None
        self.reply_bytes: int = 0
        self.begun: bool = False
        """The client has the head of a streamed reply already, for it was kept waiting: errors are events now."""
        self.aborted: bool = False
        """The client left before the reply was through."""
        self.state: dict[str, Any] = {}
        self.trace: TraceContext | None = None
        """Set where the exchange is traced: attempts then tell their targets so."""
        self.plugin_times: list[PluginTime] = []
        """Plugins that waited or worked long; kept while ``trace`` is set."""
        # Monotonic seconds at which a stage was through; 0 for those it never came to.
        self.matched_s = self.identified_s = self.read_s = self.admitted_s = 0.0

    @property
    def peek(self) -> Peek:
        """Model, stream flag and limits of the request. Only where ``protocol`` and ``document`` are set."""
        if self._peek is None:
            assert self.protocol is not None
            assert self.document is not None
            self._peek = self.protocol.peek(self.document)
        return self._peek

    @property
    def chat(self) -> ChatRequest:
        """The request in neutral form, decoded when first asked for. Read-only: edit ``document`` and ``forget``."""
        if self._chat is None:
            assert self.protocol is not None
            assert self.document is not None
            self._chat = self.protocol.decode_request(self.document)
        return self._chat

    def forget_chat(self) -> None:
        """Let go of the neutral form and what it was made of; who asks for it again has it decoded again."""
        self._chat = None
        if self.document is not None:
            self.document.forget_values()

    def forget(self) -> None:
        """Drop what was read from ``document``, because it was edited."""
        self._peek = None
        self._chat = None

    @property
    def args(self) -> dict[str, str]:
        """Query arguments, decoded; the first of repeated ones counts (nginx ``arg_``)."""
        if self._args is None:
            args: dict[str, str] = {}
            for name, value in parse_qsl(self.query, keep_blank_values=True):
                args.setdefault(name, value)
            self._args = args
        return self._args

    @property
    def usage(self) -> Usage | None:
        """Usage of the attempt that answered, None when no attempt reported any."""
        for attempt in reversed(self.attempts):
            if attempt.usage is not None:
                return attempt.usage
        return None

    @property
    def cost_nano(self) -> int:
        """What all attempts together cost, in nano-USD."""
        total = 0
        for attempt in self.attempts:  # nearly always one: a generator costs more than it adds up
            total += attempt.cost_nano
        return total

    @property
    def status(self) -> int:
        """The status the client saw; 499 when it left before one (nginx)."""
        if self.reply is not None:
            return self.reply.status
        return 499 if self.aborted else 500


@dataclass(slots=True)
class ExplainStep:
    """One line of an explanation: who decided what. Filled only while a request is being explained."""

    stage: str
    plugin: str
    result: str


@dataclass(slots=True)
class ExplainTarget:
    """One target that was considered. ``rank`` counts from 1 in the order of trying, 0 is excluded."""

    name: str
    provider: str
    model: str
    rank: int
    reason: str


@dataclass(slots=True)
class Explanation:
    """What would happen to a request, and why."""

    route_id: str = ""
    consumer: str = ""
    steps: list[ExplainStep] = field(default_factory=list)
    targets: list[ExplainTarget] = field(default_factory=list)
    status: int = 0
    error: str = ""
