"""Messages streams: from bytes to events, and events back to bytes."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    Event,
    Finished,
    Opaque,
    OpaqueDelta,
    PartEnded,
    PartKind,
    PartStarted,
    ReplyStarted,
    TextDelta,
    ThinkingDelta,
    Usage,
    UsageReported,
)
from tollhouse.dataplane.protocols._decoder import EventDecoder
from tollhouse.dataplane.protocols._failures import INVALID_STREAM, NO_ANSWER
from tollhouse.dataplane.protocols._fields import count, words
from tollhouse.dataplane.protocols.anthropic_messages.read_request import FORMAT
from tollhouse.dataplane.protocols.anthropic_messages.reply import read_stop
from tollhouse.dataplane.protocols.anthropic_messages.usage import merge_usage, read_stream_error


class MessagesDecoder(EventDecoder):
    """See the port. A stream that named its stop reason is whole even without ``message_stop``."""

    def __init__(self) -> None:
        super().__init__()
        self._usage: Usage | None = None
        self._parts: dict[int, int] = {}
        """Anthropic's index of an open block -> ours."""
        self._kinds: dict[int, PartKind] = {}
        self._next = 0
        self._started = False
        self._finished = False

    def _is_whole(self, events: list[Event]) -> bool:
        return self._finished

    def _event(self, name: str, body: dict[str, Any], events: list[Event]) -> None:
        kind = body.get("type") or name
        if kind == "content_block_delta":
            self._delta(body, events)
        elif kind == "content_block_start":
            self._start_part(body, events)
        elif kind == "content_block_stop":
            self._end_part(count(body.get("index")), events)
        elif kind == "message_start":
            self._start(body.get("message"), events)
        elif kind == "message_delta":
            self._message_delta(body, events)
        elif kind == "message_stop":
            self._stop(events)
        elif kind == "error":
            self._fail(events, *read_stream_error(body))

    def _start(self, message: Any, events: list[Event]) -> None:
        if self._started:
            return
        self._started = True
        message = message if isinstance(message, dict) else {}
        self._usage = merge_usage(None, message.get("usage"))
        events.append(ReplyStarted(words(message.get("id")), words(message.get("model")), usage=self._usage))

    def _message_delta(self, body: dict[str, Any], events: list[Event]) -> None:
        for index in list(self._parts):
            self._end_part(index, events)
        if isinstance(body.get("usage"), dict):
            self._usage = merge_usage(self._usage, body["usage"])
            events.append(UsageReported(self._usage or Usage()))
        delta = body.get("delta")
        if isinstance(delta, dict) and delta.get("stop_reason") and not self._finished:
            details = delta.get("stop_details")
            explanation = words(details.get("explanation")) if isinstance(details, dict) else ""
            if explanation:
                index, self._next = self._next, self._next + 1
                events += [PartStarted(0, index, "refusal"), TextDelta(0, index, explanation), PartEnded(0, index)]
            self._finish(read_stop(delta["stop_reason"]), words(delta.get("stop_sequence")) or None, events)

    def _finish(self, reason: Any, sequence: str | None, events: list[Event]) -> None:
        self._finished = True
        events.append(Finished(0, reason, sequence))

    def _stop(self, events: list[Event]) -> None:
        if not self._started and not self._next:
            self._fail(events, INVALID_STREAM, NO_ANSWER)
            return
        for index in list(self._parts):
            self._end_part(index, events)
        if not self._finished:
            called = "tool_call" in self._kinds.values()
            self._finish("tool_calls" if called else "stop", None, events)
        self._conclude(events)

    def _start_part(self, body: dict[str, Any], events: list[Event]) -> None:
        given = count(body.get("index"))
        block = body.get("content_block")
        block = block if isinstance(block, dict) else {}
        if given in self._parts:
            self._end_part(given, events)
        index = self._parts[given] = self._next
        self._next += 1
        kind = block.get("type")
        if kind in ("text", "thinking"):
            self._kinds[index] = kind
            events.append(PartStarted(0, index, kind))
            self._text(index, kind, words(block.get(kind)), events)
        elif kind == "redacted_thinking":
            self._kinds[index] = "redacted_thinking"
            events.append(PartStarted(0, index, "redacted_thinking", redacted=words(block.get("data"))))
        elif kind == "tool_use":
            self._kinds[index] = "tool_call"
            events.append(PartStarted(0, index, "tool_call", words(block.get("id")), words(block.get("name"))))
            if block.get("input"):  # compatible servers put it all at the start
                events.append(ArgumentsDelta(0, index, msgspec.json.encode(block["input"]).decode()))
        else:
            self._kinds[index] = "opaque"
            events.append(PartStarted(0, index, "opaque", opaque=Opaque(FORMAT, block)))

    def _end_part(self, given: int, events: list[Event]) -> None:
        index = self._parts.pop(given, None)
        if index is not None:
            events.append(PartEnded(0, index))

    @staticmethod
    def _text(index: int, kind: str, text: str, events: list[Event]) -> None:
        if text:
            events.append(TextDelta(0, index, text) if kind == "text" else ThinkingDelta(0, index, text))

    def _delta(self, body: dict[str, Any], events: list[Event]) -> None:
        index = self._parts.get(count(body.get("index")))
        delta = body.get("delta")
        if index is None or not isinstance(delta, dict):
            return
        kind = delta.get("type")
        if kind == "text_delta":
            self._text(index, "text", words(delta.get("text")), events)
        elif kind == "input_json_delta" and self._kinds[index] == "tool_call":
            if words(delta.get("partial_json")):
                events.append(ArgumentsDelta(0, index, delta["partial_json"]))
        elif kind == "thinking_delta":
            self._text(index, "thinking", words(delta.get("thinking")), events)
        elif kind == "signature_delta":
            if words(delta.get("signature")):
                events.append(ThinkingDelta(0, index, signature=delta["signature"]))
        else:
            events.append(OpaqueDelta(0, index, Opaque(FORMAT, delta)))
