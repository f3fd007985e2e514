"""Streams of converse-stream: from messages of AWS's event stream to events."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    Ended,
    Event,
    Failed,
    Finished,
    PartEnded,
    PartKind,
    PartStarted,
    ReplyStarted,
    TextDelta,
    ThinkingDelta,
    Usage,
    UsageReported,
)
from tollhouse.dataplane.engine.eventstream import BrokenStream, Message, MessageReader
from tollhouse.dataplane.protocol import StreamDecoder
from tollhouse.dataplane.protocols._fields import count, words
from tollhouse.dataplane.protocols.bedrock_converse.reply import read_stop
from tollhouse.dataplane.protocols.bedrock_converse.usage import read_usage

_FAILURES = {
    "throttlingException": ("rate_limit_error", 429),
    "serviceUnavailableException": ("service_unavailable", 503),
    "modelStreamErrorException": ("server_error", 502),
    "internalServerException": ("internal_error", 500),
    "validationException": ("invalid_request_error", 400),
    "modelTimeoutException": ("timeout_error", 504),
}


class ConverseDecoder(StreamDecoder):
    """See the port. ``metadata`` comes after ``messageStop`` and is the last message."""

    def __init__(self) -> None:
        self._reader = MessageReader()
        self._parts: dict[int, int] = {}
        """Bedrock's index of an open block -> ours."""
        self._next = 0
        self._finished: Finished | None = None
        self._over = False

    def feed(self, data: bytes) -> list[Event]:
        """As the port says."""
        events: list[Event] = []
        if self._over:
            return events
        try:
            for message in self._reader.feed(data):
                self._take(message, events)
        except BrokenStream as error:
            self._fail(events, "invalid_stream", str(error))
        return events

    def close(self) -> list[Event]:
        """As the port says; an answer that was finished is whole even when its usage did not come."""
        if self._over or self._finished is None:
            return []
        self._over = True
        return [self._finished, Ended()]

    def _fail(self, events: list[Event], type_: str, message: str, status: int = 0) -> None:
        self._over = True
        events.append(Failed(type_, message, status))

    def _take(self, message: Message, events: list[Event]) -> None:
        if self._over:
            return
        try:
            body = msgspec.json.decode(message.payload or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._fail(events, "invalid_stream", f"an event of the provider's stream is not JSON: {error}")
            return
        body = body if isinstance(body, dict) else {}
        kind = message.headers.get(":message-type", "event")
        if kind != "event":
            named = message.headers.get(":exception-type") or message.headers.get(":error-code", "")
            type_, status = _FAILURES.get(named, (named or "server_error", 500))
            text = words(body.get("message")) or message.headers.get(":error-message", "") or named
            self._fail(events, type_, text, status)
            return
        self._event(message.headers.get(":event-type", ""), body, events)

    def _event(self, kind: str, body: dict[str, Any], events: list[Event]) -> None:
        index = count(body.get("contentBlockIndex"))
        if kind == "messageStart":
            events.append(ReplyStarted("", ""))
        elif kind == "contentBlockStart":
            start = body.get("start")
            use = start.get("toolUse") if isinstance(start, dict) else None
            if isinstance(use, dict):
                self._begin(index, "tool_call", events, words(use.get("toolUseId")), words(use.get("name")))
        elif kind == "contentBlockDelta":
            delta = body.get("delta")
            self._delta(index, delta if isinstance(delta, dict) else {}, events)
        elif kind == "contentBlockStop":
            part = self._parts.pop(index, None)
            if part is not None:
                events.append(PartEnded(0, part))
        elif kind == "messageStop":
            self._finished = Finished(0, read_stop(body.get("stopReason")))
        elif kind == "metadata" and self._finished is not None:
            events.append(UsageReported(read_usage(body.get("usage")) or Usage()))
            events += [self._finished, Ended()]
            self._over = True

    def _begin(self, index: int, kind: PartKind, events: list[Event], id: str = "", name: str = "") -> int:
        part, self._next = self._next, self._next + 1
        self._parts[index] = part
        events.append(PartStarted(0, part, kind, id, name))
        return part

    def _delta(self, index: int, delta: dict[str, Any], events: list[Event]) -> None:
        part = self._parts.get(index)
        use, reasoning = delta.get("toolUse"), delta.get("reasoningContent")
        if isinstance(use, dict):
            if part is not None and words(use.get("input")):
                events.append(ArgumentsDelta(0, part, use["input"]))
        elif isinstance(reasoning, dict):
            if words(reasoning.get("redactedContent")):
                part, self._next = self._next, self._next + 1
                self._parts[index] = part
                events.append(PartStarted(0, part, "redacted_thinking", redacted=reasoning["redactedContent"]))
                return
            part = self._begin(index, "thinking", events) if part is None else part
            text, signature = words(reasoning.get("text")), words(reasoning.get("signature"))
            events.append(ThinkingDelta(0, part, text, signature))
        elif words(delta.get("text")):
            part = self._begin(index, "text", events) if part is None else part
            events.append(TextDelta(0, part, delta["text"]))
