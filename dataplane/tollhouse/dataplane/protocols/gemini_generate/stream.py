"""Streams of generateContent, in and out: each event a reply with the next piece of the answer."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    Ended,
    Event,
    Failed,
    Finished,
    FinishReason,
    Opaque,
    Part,
    PartEnded,
    PartKind,
    PartStarted,
    Refusal,
    ReplyStarted,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    Usage,
    UsageReported,
)
from tollhouse.dataplane.engine.sse import write_event
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.protocol import ReplyContext, StreamEncoder
from tollhouse.dataplane.protocols._decoder import EventDecoder
from tollhouse.dataplane.protocols._failures import INVALID_STREAM, stream_failure
from tollhouse.dataplane.protocols._fields import count, words
from tollhouse.dataplane.protocols.gemini_generate.errors import write_error
from tollhouse.dataplane.protocols.gemini_generate.finish import broken_off, read_finish, write_finish
from tollhouse.dataplane.protocols.gemini_generate.reply import PartWriter, is_answer, read_part
from tollhouse.dataplane.protocols.gemini_generate.usage import (
    GeminiWatcher,
    read_stream_error,
    read_usage,
    write_usage,
)

_encode = msgspec.json.Encoder().encode


class _Candidate:
    """What has come of one choice."""

    __slots__ = ("answered", "calls", "finished", "kind", "next", "open")

    def __init__(self) -> None:
        self.next = 0
        self.open = -1
        self.kind: PartKind = "text"
        self.calls = 0
        self.answered = False
        self.finished = False


class GeminiDecoder(EventDecoder):
    """See the port. The answer is whole when every choice named its reason: the format has no end mark."""

    def __init__(self) -> None:
        super().__init__(GeminiWatcher.max_event)
        self._candidates: dict[int, _Candidate] = {}
        self._started = False
        self._broken = ""

    def _is_whole(self, events: list[Event]) -> bool:
        return bool(self._candidates) and all(one.finished for one in self._candidates.values())

    def _event(self, name: str, body: dict[str, Any], events: list[Event]) -> None:
        if body.get("error"):
            self._fail(events, *read_stream_error(body))
        else:
            self._chunk(body, events)

    def _chunk(self, body: dict[str, Any], events: list[Event]) -> None:
        if not self._started:
            self._started = True
            events.append(ReplyStarted(words(body.get("responseId")), words(body.get("modelVersion"))))
        candidates = body.get("candidates")
        for item in candidates if isinstance(candidates, list) else ():
            if isinstance(item, dict):
                self._candidate(item, events)
        feedback = body.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason") and not self._candidates:
            self._candidates[0] = _Candidate()
            self._finish(0, self._candidates[0], "content_filter", events)
        usage = read_usage(body.get("usageMetadata"))
        if usage is not None:
            events.append(UsageReported(usage))
        if self._broken:
            self._fail(events, INVALID_STREAM, self._broken)

    def _candidate(self, item: dict[str, Any], events: list[Event]) -> None:
        number = count(item.get("index"))
        state = self._candidates.setdefault(number, _Candidate())
        if state.finished:
            return
        content = item.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        for value in parts if isinstance(parts, list) else ():
            if isinstance(value, dict):
                for part in read_part(value, number, state.calls):
                    self._part(number, state, part, events)
        self._broken = (
            broken_off(item.get("finishReason"), called=state.calls > 0, answered=state.answered) or self._broken
        )
        if item.get("finishReason") and not self._broken:
            self._finish(number, state, read_finish(item["finishReason"], called=state.calls > 0), events)

    def _part(self, number: int, state: _Candidate, part: Part, events: list[Event]) -> None:
        state.answered = state.answered or is_answer(part)
        if isinstance(part, Text):
            events.append(TextDelta(number, self._running(number, state, "text", events), part.text))
        elif isinstance(part, Thinking):
            index = self._running(number, state, "thinking", events)
            events.append(ThinkingDelta(number, index, part.text, part.signature))
            if part.signature:  # what follows is signed by it
                self._end(number, state, events)
        else:
            self._end(number, state, events)
            index, state.next = state.next, state.next + 1
            if isinstance(part, ToolCall):
                state.calls += 1
                events.append(PartStarted(number, index, "tool_call", part.id, part.name))
                events.append(ArgumentsDelta(number, index, part.arguments))
            elif isinstance(part, Opaque):
                events.append(PartStarted(number, index, "opaque", opaque=part))
            events.append(PartEnded(number, index))

    def _running(self, number: int, state: _Candidate, kind: PartKind, events: list[Event]) -> int:
        """The index of the open part of this kind, begun if need be."""
        if state.open >= 0 and state.kind == kind:
            return state.open
        self._end(number, state, events)
        state.open, state.kind = state.next, kind
        state.next += 1
        events.append(PartStarted(number, state.open, kind))
        return state.open

    @staticmethod
    def _end(number: int, state: _Candidate, events: list[Event]) -> None:
        if state.open >= 0:
            events.append(PartEnded(number, state.open))
            state.open = -1

    def _finish(self, number: int, state: _Candidate, reason: FinishReason, events: list[Event]) -> None:
        state.finished = True
        self._end(number, state, events)
        events.append(Finished(number, reason))


class GeminiEncoder(StreamEncoder):
    """See the port. Calls are written when they are whole; the last event of a choice has its reason and the usage,
    which is known in every format only at the end."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._head: dict[str, Any] = {}
        self._writers: dict[int, PartWriter] = {}
        self._calls: dict[tuple[int, int], ToolCall] = {}
        self._thoughts: dict[int, str] = {}
        """What a choice thought since it was last signed."""
        self._finished: dict[int, Finished] = {}
        self._usage = Usage()

    def encode(self, event: Event) -> bytes:
        """As the port says."""
        match event:
            case TextDelta(choice, index, text):
                return self._write(choice, Text(text))
            case ThinkingDelta(choice, index, text, signature):
                return self._think(choice, text, signature)
            case PartStarted():
                return self._begin(event)
            case ArgumentsDelta(choice, index, json):
                call = self._calls.get((choice, index))
                if call is not None:
                    call.arguments += json
            case PartEnded(choice, index):
                call = self._calls.pop((choice, index), None)
                return self._write(choice, call) if call is not None else b""
            case ReplyStarted():
                self._start(event)
            case UsageReported(usage):
                self._usage = usage
            case Finished(choice):
                self._finished[choice] = event
            case Ended():
                return self._end()
            case Failed(type_, message, status):
                return self.error(stream_failure(type_, message, status), self._context.request_id)
        return b""

    def error(self, error: GatewayError, request_id: str) -> bytes:
        """As the port says: Google's SDK takes an event with ``error`` in it for a failure."""
        return write_event(write_error(error, request_id))

    def _start(self, event: ReplyStarted) -> None:
        self._usage = event.usage or self._usage
        self._head = {
            "modelVersion": self._context.model or event.model,
            "responseId": event.id or self._context.request_id,
        }

    def _begin(self, event: PartStarted) -> bytes:
        if event.kind == "tool_call":
            self._calls[(event.choice, event.index)] = ToolCall(event.call_id, event.name, "")
        elif event.kind == "thinking":
            self._thoughts[event.choice] = ""
        elif event.kind == "redacted_thinking":
            return self._write(event.choice, Thinking(redacted=event.redacted))
        elif event.opaque is not None:
            return self._write(event.choice, event.opaque)
        return b""

    def _think(self, choice: int, text: str, signature: str) -> bytes:
        """Other providers sign a thought after all of it: the signature is packed with the whole."""
        written = self._write(choice, Thinking(text)) if text else b""
        thought = self._thoughts.get(choice, "") + text
        self._thoughts[choice] = "" if signature else thought
        if signature:
            parts = self._writers.setdefault(choice, PartWriter(self._context)).sign(Thinking(thought, signature))
            written += self._chunk(choice, parts) if parts else b""
        return written

    def _write(self, choice: int, part: Part | Refusal) -> bytes:
        writer = self._writers.setdefault(choice, PartWriter(self._context))
        parts = writer.write(part)
        return self._chunk(choice, parts) if parts else b""

    def _chunk(self, choice: int, parts: list[dict[str, Any]], finish: str = "") -> bytes:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": choice}
        body: dict[str, Any] = {"candidates": [candidate], **self._head}
        if finish:
            candidate["finishReason"] = finish
            body["usageMetadata"] = write_usage(self._usage)
        return write_event(_encode(body))

    def _end(self) -> bytes:
        finished = self._finished or {0: Finished(0, "stop")}
        written = b""
        for choice, event in sorted(finished.items()):
            writer = self._writers.get(choice)
            rest = writer.rest() if writer is not None else []
            written += self._chunk(choice, rest or [{"text": ""}], write_finish(event.reason))
        return written
