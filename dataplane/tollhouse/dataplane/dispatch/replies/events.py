"""Whole replies as events and back, so that hooks written for streams see every answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    ChatReply,
    Choice,
    Ended,
    Event,
    Finished,
    Opaque,
    Part,
    PartEnded,
    PartStarted,
    Refusal,
    ReplyStarted,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    UsageReported,
)


def to_events(reply: ChatReply) -> Iterator[Event]:
    """A reply as the stream it could have been."""
    yield ReplyStarted(reply.id, reply.model, reply.created, reply.usage)
    for number, choice in enumerate(reply.choices):
        for index, part in enumerate(choice.parts):
            yield from _part_events(number, index, part)
        yield Finished(number, choice.finish_reason, choice.stop_sequence)
    yield UsageReported(reply.usage)
    yield Ended()


def _part_events(number: int, index: int, part: Part) -> Iterator[Event]:
    if isinstance(part, Text):
        yield PartStarted(number, index, "text")
        yield TextDelta(number, index, part.text)
    elif isinstance(part, Refusal):
        yield PartStarted(number, index, "refusal")
        yield TextDelta(number, index, part.text)
    elif isinstance(part, Thinking) and part.redacted:
        yield PartStarted(number, index, "redacted_thinking", redacted=part.redacted)
    elif isinstance(part, Thinking):
        yield PartStarted(number, index, "thinking")
        yield ThinkingDelta(number, index, part.text, part.signature)
    elif isinstance(part, ToolCall):
        yield PartStarted(number, index, "tool_call", call_id=part.id, name=part.name)
        yield ArgumentsDelta(number, index, part.arguments)
    elif isinstance(part, Opaque):
        yield PartStarted(number, index, "opaque", opaque=part)
    else:
        return
    yield PartEnded(number, index)


def fold(events: Iterable[Event], reply: ChatReply) -> ChatReply:
    """A reply from events; what events do not carry (unknown fields, log probabilities of what is unchanged) is taken
    from ``reply``."""
    parts: dict[int, dict[int, Part]] = {}
    reasons: dict[int, Finished] = {}
    usage = reply.usage
    for event in events:
        if isinstance(event, PartStarted):
            parts.setdefault(event.choice, {})[event.index] = _started(event)
        elif isinstance(event, TextDelta | ThinkingDelta | ArgumentsDelta):
            _grow(parts.get(event.choice, {}).get(event.index), event)
        elif isinstance(event, Finished):
            reasons[event.choice] = event
        elif isinstance(event, UsageReported):
            usage = event.usage
    choices = []
    for number, original in enumerate(reply.choices):
        finished = reasons.get(number)
        own = [part for _, part in sorted(parts.get(number, {}).items())]
        reason = finished.reason if finished else original.finish_reason
        stop = finished.stop_sequence if finished else original.stop_sequence
        told = original.logprobs if own == original.parts else None  # tokens tell what was taken out
        choices.append(Choice(own, reason, stop, told))
    return ChatReply(reply.id, reply.model, choices, usage, reply.created, reply.extra)


def _started(event: PartStarted) -> Part:
    if event.kind == "tool_call":
        return ToolCall(event.call_id, event.name, "")
    if event.kind == "thinking":
        return Thinking()
    if event.kind == "redacted_thinking":
        return Thinking(redacted=event.redacted)
    if event.kind == "refusal":
        return Refusal("")
    if event.kind == "opaque" and event.opaque is not None:
        return event.opaque
    return Text("")


def _grow(part: Part | None, event: TextDelta | ThinkingDelta | ArgumentsDelta) -> None:
    if isinstance(event, TextDelta) and isinstance(part, Text | Refusal):
        part.text += event.text
    elif isinstance(event, ThinkingDelta) and isinstance(part, Thinking):
        part.text += event.text
        part.signature = event.signature or part.signature
    elif isinstance(event, ArgumentsDelta) and isinstance(part, ToolCall):
        part.arguments += event.json


def content_of(event: Event) -> str | None:
    """The words an event carries: a hook may have changed them in place."""
    if isinstance(event, TextDelta | ThinkingDelta):
        return event.text
    return event.json if isinstance(event, ArgumentsDelta) else None


def text_size(event: Event) -> int:
    """Bytes of the answer an event carries, for estimates."""
    if isinstance(event, TextDelta | ThinkingDelta):
        return len(event.text.encode())
    if isinstance(event, ArgumentsDelta):
        return len(event.json.encode())
    return len(event.name) if isinstance(event, PartStarted) else 0
