"""Responses streams: from bytes to events."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    Event,
    Finished,
    Opaque,
    OpaqueDelta,
    PartEnded,
    PartKind,
    PartStarted,
    Refusal,
    ReplyStarted,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    UsageReported,
)
from tollhouse.dataplane.protocols._decoder import EventDecoder
from tollhouse.dataplane.protocols._failures import INVALID_STREAM, NO_ANSWER
from tollhouse.dataplane.protocols._fields import count, words
from tollhouse.dataplane.protocols._special import with_tier
from tollhouse.dataplane.protocols.openai_responses.reply import read_call, read_finish, reasoning_text
from tollhouse.dataplane.protocols.openai_responses.tools import FORMAT
from tollhouse.dataplane.protocols.openai_responses.usage import (
    ResponsesWatcher,
    read_stream_error,
    read_usage,
    with_searches,
)

Place = tuple[int, int]
"""``output_index`` and ``content_index``; -1 as the latter for the item itself."""

_TEXT_EVENTS = {"response.output_text.delta": "text", "response.refusal.delta": "refusal"}
_THOUGHT_EVENTS = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")
_CALLS = ("function_call", "custom_tool_call")


class ResponsesDecoder(EventDecoder):
    """See the port. Only ``response.completed`` or ``response.incomplete`` ends an answer."""

    def __init__(self) -> None:
        super().__init__(ResponsesWatcher.max_event)
        self._parts: dict[Place, int] = {}
        self.places: dict[Place, int] = {}
        """Every part there was, with its place."""
        self._kinds: dict[int, PartKind] = {}
        self._filled: set[int] = set()
        self._told: set[int] = set()
        """Items whose text has come in deltas."""
        self._thought: dict[Place, int] = {}
        """Reasoning -> the part of its summary that was last written."""
        self._next = 0
        self._started = False

    def _event(self, name: str, body: dict[str, Any], events: list[Event]) -> None:
        kind = words(body.get("type")) or name
        if kind in _TEXT_EVENTS:
            text = words(body.get("delta"))
            if text:
                self._told.add(count(body.get("output_index")))
                logprobs = body.get("logprobs")
                part = self._part(_place(body), _TEXT_EVENTS[kind], events)  # type: ignore[arg-type]
                events.append(TextDelta(0, part, text, {"content": logprobs} if logprobs else None))
        elif kind == "response.function_call_arguments.delta":
            index = self._parts.get((count(body.get("output_index")), -1))
            if index is not None and words(body.get("delta")):
                self._filled.add(index)
                events.append(ArgumentsDelta(0, index, body["delta"]))
        elif kind in _THOUGHT_EVENTS:
            self._think(body, events)
        elif kind == "response.output_item.added":
            self._item_added(count(body.get("output_index")), body.get("item"), events)
        elif kind == "response.output_item.done":
            self._item_done(count(body.get("output_index")), body.get("item"), events)
        elif kind == "response.content_part.done":
            self._end(_place(body), events)
        elif kind == "response.output_text.annotation.added":
            index = self._parts.get(_place(body))
            if index is not None:
                events.append(OpaqueDelta(0, index, Opaque(FORMAT, {"annotation": body.get("annotation")})))
        elif kind in ("response.created", "response.in_progress"):
            self._start(body.get("response"), events)
        elif kind in ("response.completed", "response.incomplete"):
            self._complete(body.get("response"), events)
        elif kind in ("response.failed", "error"):
            self._fail(events, *read_stream_error(body))

    def _start(self, response: Any, events: list[Event]) -> None:
        if self._started or not isinstance(response, dict):
            return
        self._started = True
        created = count(response.get("created_at"))
        events.append(ReplyStarted(words(response.get("id")), words(response.get("model")), created))

    def _part(self, place: Place, kind: PartKind, events: list[Event]) -> int:
        """The index of the part at a place, begun if need be."""
        index = self._parts.get(place)
        if index is None:
            index = self._parts[place] = self.places[place] = self._new(kind)
            events.append(PartStarted(0, index, kind))
        return index

    def _new(self, kind: PartKind) -> int:
        index, self._next = self._next, self._next + 1
        self._kinds[index] = kind
        return index

    def _end(self, place: Place, events: list[Event]) -> None:
        index = self._parts.pop(place, None)
        if index is not None:
            events.append(PartEnded(0, index))

    def _think(self, body: dict[str, Any], events: list[Event]) -> None:
        text = words(body.get("delta"))
        if not text:
            return
        place = (count(body.get("output_index")), -1)
        index = self._part(place, "thinking", events)
        written = count(body.get("summary_index", body.get("content_index")))
        if self._thought.setdefault(place, written) != written:
            self._thought[place] = written
            text = f"\n\n{text}"
        self._filled.add(index)
        events.append(ThinkingDelta(0, index, text))

    def _item_added(self, number: int, item: Any, events: list[Event]) -> None:
        if not isinstance(item, dict) or item.get("type") not in _CALLS:
            return
        call = read_call(item)
        index = self._parts[(number, -1)] = self.places[(number, -1)] = self._new("tool_call")
        events.append(PartStarted(0, index, "tool_call", call.id, call.name))

    def _item_done(self, number: int, item: Any, events: list[Event]) -> None:
        """A whole item: what no delta brought of it is taken from here."""
        if not isinstance(item, dict):
            return
        kind = item.get("type")
        if kind in _CALLS:
            if (number, -1) not in self._parts:
                self._item_added(number, item, events)
            index = self._parts[(number, -1)]
            if index not in self._filled:
                events.append(ArgumentsDelta(0, index, read_call(item).arguments))
            self._end((number, -1), events)
        elif kind == "reasoning":
            self._reasoning_done((number, -1), item, events)
        elif kind == "message":
            self._message_done(number, item, events)
        else:
            index = self._new("opaque")
            events += [PartStarted(0, index, "opaque", opaque=Opaque(FORMAT, item)), PartEnded(0, index)]

    def _reasoning_done(self, place: Place, item: dict[str, Any], events: list[Event]) -> None:
        signature = words(item.get("encrypted_content"))
        text = reasoning_text(item)
        if place not in self._parts and not text and not signature:
            return
        index = self._part(place, "thinking", events)
        if index not in self._filled and text:
            events.append(ThinkingDelta(0, index, text))
        if signature:
            events.append(ThinkingDelta(0, index, signature=signature))
        self._end(place, events)

    def _message_done(self, number: int, item: dict[str, Any], events: list[Event]) -> None:
        content = item.get("content")
        for position, part in enumerate(content if isinstance(content, list) else ()):
            place = (number, position)
            if place in self._parts:
                self._end(place, events)
            elif isinstance(part, dict) and number not in self._told:
                kind: PartKind = "refusal" if part.get("type") == "refusal" else "text"
                text = words(part.get("refusal" if kind == "refusal" else "text"))
                if text:
                    index = self._part(place, kind, events)
                    events.append(TextDelta(0, index, text))
                    self._end(place, events)

    def _complete(self, response: Any, events: list[Event]) -> None:
        if not isinstance(response, dict):
            self._fail(events, INVALID_STREAM, NO_ANSWER)
            return
        self._start(response, events)
        output = response.get("output")
        for number, item in enumerate(output if isinstance(output, list) and not self._next else ()):
            self._item_done(number, item, events)  # nothing was told before
        for place in list(self._parts):
            self._end(place, events)
        usage = with_tier(read_usage(response.get("usage")), response.get("service_tier"))
        usage = with_searches(usage, output)
        if usage is not None:
            events.append(UsageReported(usage))
        kinds = self._kinds.values()
        said = [ToolCall("", "")] if "tool_call" in kinds else [Refusal("")] if "refusal" in kinds else []
        events.append(Finished(0, read_finish(response, said)))  # type: ignore[arg-type]
        self._conclude(events)


def _place(body: dict[str, Any]) -> Place:
    return count(body.get("output_index")), count(body.get("content_index"))
