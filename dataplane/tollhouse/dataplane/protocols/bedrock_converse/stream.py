"""Streams of converse-stream: from messages of AWS's event stream to events."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    Event,
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
from tollhouse.dataplane.engine.eventstream import Message, MessageReader
from tollhouse.dataplane.protocols._decoder import FrameDecoder
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


class ConverseDecoder(FrameDecoder):
    """See the port. ``metadata`` comes after ``messageStop`` and is the last message; an answer that was finished is
    whole even when its usage did not come."""

    def __init__(self) -> None:
        super().__init__(MessageReader())
        self._parts: dict[int, int] = {}
        """Bedrock's index of an open block -> ours."""
        self._next = 0
        self._finished: Finished | None = None

    def _is_whole(self, events: list[Event]) -> bool:
        if self._finished is not None:
            events.append(self._finished)
        return self._finished is not None

    def _take(self, frame: Message, events: list[Event], *, closing: bool) -> None:
        body = self._object(frame.payload or b"{}", events, closing=closing)
        if body is None:
            return
        if frame.headers.get(":message-type", "event") == "event":
            self._event(frame.headers.get(":event-type", ""), body, events)
            return
        named = frame.headers.get(":exception-type") or frame.headers.get(":error-code", "")
        type_, status = _FAILURES.get(named, (named or "server_error", 500))
        text = words(body.get("message")) or frame.headers.get(":error-message", "") or named
        self._fail(events, type_, text, status)

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
            events.append(self._finished)
            self._conclude(events)

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
