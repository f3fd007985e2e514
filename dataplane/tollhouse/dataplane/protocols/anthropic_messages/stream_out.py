"""Events to a messages stream: blocks in index order, never two open at once."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    Ended,
    Event,
    Failed,
    Finished,
    OpaqueDelta,
    PartEnded,
    PartKind,
    PartStarted,
    ReplyStarted,
    TextDelta,
    Thinking,
    ThinkingDelta,
    Usage,
    UsageReported,
)
from tollhouse.dataplane.engine.sse import write_event
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.protocol import ReplyContext, StreamEncoder
from tollhouse.dataplane.protocols._failures import stream_failure
from tollhouse.dataplane.protocols._names import legal_name, told_id
from tollhouse.dataplane.protocols._signatures import pack
from tollhouse.dataplane.protocols.anthropic_messages.errors import write_error
from tollhouse.dataplane.protocols.anthropic_messages.read_request import FORMAT
from tollhouse.dataplane.protocols.anthropic_messages.reply import message_id, refusal_details, write_stop
from tollhouse.dataplane.protocols.anthropic_messages.turns import ID_LIMIT
from tollhouse.dataplane.protocols.anthropic_messages.usage import write_usage

_encode = msgspec.json.Encoder().encode


class MessagesEncoder(StreamEncoder):
    """See the port. Deltas of a part that may not be open yet (OpenAI's parallel calls interleave) wait until the
    parts before it have ended. ``message_delta`` is written at the end, when usage is known in every format."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._open: int | None = None
        self._next = 0
        self._waiting: dict[int, list[Event]] = {}
        """Parts begun and not open yet, in order, with the events that wait."""
        self._kinds: dict[int, PartKind] = {}
        self._usage = Usage()
        self._finished: Finished | None = None
        self._refusal = ""
        self._thought = ""
        self._has_text = False

    def encode(self, event: Event) -> bytes:
        """As the port says."""
        match event:
            case TextDelta() | ThinkingDelta() | ArgumentsDelta() | OpaqueDelta() | PartEnded():
                return self._part_event(event)
            case PartStarted():
                return self._begin(event)
            case ReplyStarted():
                return self._start(event)
            case UsageReported(usage):
                self._usage = usage
            case Finished():
                self._finished = event if event.choice == 0 else self._finished
            case Ended():
                return self._end()
            case Failed(type_, message, status):
                return self.error(stream_failure(type_, message, status), self._context.request_id)
        return b""

    def error(self, error: GatewayError, request_id: str) -> bytes:
        """As the port says."""
        return write_event(write_error(error, request_id), "error")

    def _start(self, event: ReplyStarted) -> bytes:
        self._usage = event.usage or self._usage
        message: dict[str, Any] = {
            "id": message_id(event.id, self._context.request_id),
            "type": "message",
            "role": "assistant",
            "model": self._context.model or event.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._usage),
        }
        return _event({"type": "message_start", "message": message})

    def _begin(self, event: PartStarted) -> bytes:
        if event.choice != 0 or (event.opaque is not None and event.opaque.protocol != FORMAT):
            return b""
        self._kinds[event.index] = event.kind
        if self._open is not None:
            self._waiting[event.index] = [event]
            return b""
        return self._open_part(event)

    def _open_part(self, event: PartStarted) -> bytes:
        self._open = event.index
        block: dict[str, Any]
        if event.kind == "refusal":  # shown as text, and again in stop_details
            block = {"type": "text", "text": ""}
            if self._has_text:
                return b""
        elif event.kind == "tool_call":
            name = self._context.renamed_tools.get(event.name, event.name)
            block = {
                "type": "tool_use",
                "id": legal_name(told_id(event.call_id, self._context.request_id), ID_LIMIT),
                "name": name,
                "input": {},
            }
        elif event.kind == "thinking":
            block = {"type": "thinking", "thinking": "", "signature": ""}
        elif event.kind == "redacted_thinking":
            block = {"type": "redacted_thinking", "data": event.redacted}
        elif event.opaque is not None:
            block = event.opaque.value
        else:
            block = {"type": "text", "text": ""}
            self._has_text = True
        return _event({"type": "content_block_start", "index": self._next, "content_block": block})

    def _part_event(self, event: TextDelta | ThinkingDelta | ArgumentsDelta | OpaqueDelta | PartEnded) -> bytes:
        if event.choice != 0 or event.index not in self._kinds:
            return b""
        if event.index != self._open:
            if event.index in self._waiting:
                self._waiting[event.index].append(event)
            return b""
        if isinstance(event, PartEnded):
            return self._close_part() + self._let_in()
        return self._delta(event)

    def _delta(self, event: TextDelta | ThinkingDelta | ArgumentsDelta | OpaqueDelta) -> bytes:
        delta: dict[str, Any]
        match event:
            case TextDelta(text=text):
                if self._kinds[event.index] == "refusal":
                    self._refusal += text
                    if self._has_text:
                        return b""
                delta = {"type": "text_delta", "text": text}
            case ArgumentsDelta(json=json):
                delta = {"type": "input_json_delta", "partial_json": json}
            case ThinkingDelta(text=text, signature=signature):
                written = self._block_delta({"type": "thinking_delta", "thinking": text}) if text else b""
                self._thought += text
                if signature and self._context.provider_format not in ("", FORMAT):
                    signature = pack(Thinking(self._thought, signature), self._context.provider_format)
                if signature:
                    self._thought = ""
                    written += self._block_delta({"type": "signature_delta", "signature": signature})
                return written
            case OpaqueDelta(opaque=opaque):
                if opaque.protocol != FORMAT:
                    return b""
                delta = opaque.value
        return self._block_delta(delta)

    def _block_delta(self, delta: dict[str, Any]) -> bytes:
        return _event({"type": "content_block_delta", "index": self._next, "delta": delta})

    def _close_part(self) -> bytes:
        hidden = self._open is not None and self._kinds[self._open] == "refusal" and self._has_text
        self._open = None
        if hidden:
            return b""
        index, self._next = self._next, self._next + 1
        return _event({"type": "content_block_stop", "index": index})

    def _let_in(self) -> bytes:
        """Open the part that waited longest and write what it has so far; go on while parts turn out complete."""
        written = b""
        while self._open is None and self._waiting:
            index = next(iter(self._waiting))
            started, *events = self._waiting.pop(index)
            assert isinstance(started, PartStarted)
            written += self._open_part(started)
            for event in events:
                if isinstance(event, PartEnded):
                    written += self._close_part()
                elif isinstance(event, TextDelta | ThinkingDelta | ArgumentsDelta | OpaqueDelta):
                    written += self._delta(event)
        return written

    def _end(self) -> bytes:
        written = b""
        while self._open is not None:  # a part its source never ended
            written += self._close_part() + self._let_in()
        finished = self._finished or Finished(0, "stop")
        delta: dict[str, Any] = {
            "stop_reason": write_stop(finished.reason),
            "stop_sequence": finished.stop_sequence,
        }
        if self._refusal:
            delta["stop_details"] = refusal_details(self._refusal)
        usage = write_usage(self._usage)
        usage.pop("cache_creation", None)  # not in this event's schema
        written += _event({"type": "message_delta", "delta": delta, "usage": usage})
        return written + _event({"type": "message_stop"})


def _event(body: dict[str, Any]) -> bytes:
    return write_event(_encode(body), body["type"])
