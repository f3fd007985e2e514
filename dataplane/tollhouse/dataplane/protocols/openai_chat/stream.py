"""Chat completion chunks, in and out."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    Ended,
    Event,
    Failed,
    Finished,
    Opaque,
    OpaqueDelta,
    PartEnded,
    PartKind,
    PartStarted,
    ReplyStarted,
    Text,
    TextDelta,
    ThinkingDelta,
    Usage,
    UsageReported,
)
from tollhouse.dataplane.engine.sse import write_event
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.protocol import ReplyContext, StreamEncoder
from tollhouse.dataplane.protocols._decoder import EventDecoder
from tollhouse.dataplane.protocols._failures import INVALID_STREAM, NO_ANSWER, stream_failure
from tollhouse.dataplane.protocols._fields import count, words
from tollhouse.dataplane.protocols._freeform import BEGIN, END, escaped, freeform_names, input_of
from tollhouse.dataplane.protocols._names import counted, told_id
from tollhouse.dataplane.protocols._special import with_tier
from tollhouse.dataplane.protocols.openai_chat.errors import write_error
from tollhouse.dataplane.protocols.openai_chat.read_request import FORMAT
from tollhouse.dataplane.protocols.openai_chat.reply import in_parts, read_finish, write_finish
from tollhouse.dataplane.protocols.openai_chat.usage import read_stream_error, read_usage, write_usage

_encode = msgspec.json.Encoder().encode


class _ChoiceState:
    """The parts one choice has so far. Text-like parts end when another begins; tool calls stay open to the end,
    because their deltas may interleave."""

    __slots__ = ("call_ids", "call_parts", "calls", "customs", "finished", "next", "open", "open_kind", "refused")

    def __init__(self) -> None:
        self.next = 0
        self.open = -1
        self.open_kind: PartKind = "text"
        self.calls: dict[int, int] = {}
        """OpenAI's index of a call -> our index of its part."""
        self.call_ids: dict[int, str] = {}
        self.call_parts: list[int] = []
        self.customs: list[int] = []
        """Those of them that take one text."""
        self.finished = False
        self.refused = False


class ChatStreamDecoder(EventDecoder):
    """See the port. An answer that was finished is whole even without ``[DONE]``."""

    def __init__(self) -> None:
        super().__init__()
        self._choices: dict[int, _ChoiceState] = {}
        self._started = False

    def _is_whole(self, events: list[Event]) -> bool:
        return bool(self._choices) and all(state.finished for state in self._choices.values())

    def _done(self, events: list[Event]) -> None:
        if not self._choices:
            self._fail(events, INVALID_STREAM, NO_ANSWER)
            return
        for number, state in self._choices.items():
            if not state.finished:  # some servers never name a reason
                self._finish(number, state, "tool_calls" if state.calls else "stop", events)
        self._conclude(events)

    def _event(self, name: str, body: dict[str, Any], events: list[Event]) -> None:
        if body.get("error") or name == "error":
            self._fail(events, *read_stream_error(body))
        else:
            self._chunk(body, events)

    def _chunk(self, chunk: dict[str, Any], events: list[Event]) -> None:
        if not self._started:
            self._started = True
            created = count(chunk.get("created"))
            events.append(ReplyStarted(words(chunk.get("id")), words(chunk.get("model")), created))
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                self._choice(choice, events)
        usage = with_tier(read_usage(chunk.get("usage")), chunk.get("service_tier"))
        if usage is not None:
            events.append(UsageReported(usage))

    def _choice(self, choice: dict[str, Any], events: list[Event]) -> None:
        number = count(choice.get("index"))
        state = self._choices.get(number)
        if state is None:
            state = self._choices[number] = _ChoiceState()
        if state.finished:
            return
        delta = choice.get("delta")
        if isinstance(delta, dict):
            thought = words(delta.get("reasoning_content")) or words(delta.get("reasoning"))
            if thought:
                events.append(ThinkingDelta(number, self._part(number, state, "thinking", events), thought))
            content = delta.get("content")
            if isinstance(content, list):
                self._parts(number, state, content, events)
            elif isinstance(content, str) and content:
                index = self._part(number, state, "text", events)
                events.append(TextDelta(number, index, content, choice.get("logprobs")))
            if isinstance(delta.get("annotations"), list):
                noted = Opaque(FORMAT, {"annotations": delta["annotations"]})
                events.append(OpaqueDelta(number, max(state.open, 0), noted))
            if delta.get("images"):  # of models that draw, at OpenRouter
                events.append(OpaqueDelta(number, max(state.open, 0), Opaque(FORMAT, {"images": delta["images"]})))
            refusal = words(delta.get("refusal"))
            if refusal:
                state.refused = True
                events.append(TextDelta(number, self._part(number, state, "refusal", events), refusal))
            calls = delta.get("tool_calls")
            if not calls and isinstance(delta.get("function_call"), dict):  # what calls were before
                calls = [{"index": 0, "function": delta["function_call"]}]
            for position, call in enumerate(calls if isinstance(calls, list) else ()):
                if isinstance(call, dict):
                    self._call(number, state, call, position, events)
        reason = choice.get("finish_reason")
        if reason:
            self._finish(number, state, reason, events)

    def _parts(self, number: int, state: _ChoiceState, content: list[Any], events: list[Event]) -> None:
        for part in in_parts(content):
            if isinstance(part, Text):
                events.append(TextDelta(number, self._part(number, state, "text", events), part.text))
            else:
                events.append(ThinkingDelta(number, self._part(number, state, "thinking", events), part.text))

    def _part(self, number: int, state: _ChoiceState, kind: PartKind, events: list[Event]) -> int:
        """The index of the open part of this kind, begun if need be."""
        if state.open >= 0 and state.open_kind == kind:
            return state.open
        self._end_open(number, state, events)
        state.open, state.open_kind = state.next, kind
        state.next += 1
        events.append(PartStarted(number, state.open, kind))
        return state.open

    @staticmethod
    def _end_open(number: int, state: _ChoiceState, events: list[Event]) -> None:
        if state.open >= 0:
            events.append(PartEnded(number, state.open))
            state.open = -1

    def _call(self, number: int, state: _ChoiceState, call: dict[str, Any], position: int, events: list[Event]) -> None:
        function, custom = call.get("function"), call.get("custom")
        function = function if isinstance(function, dict) else custom if isinstance(custom, dict) else {}
        given, call_id = call.get("index"), words(call.get("id"))
        key = count(given) if given is not None else len(state.call_parts) if call_id else position
        index = state.calls.get(key)
        if index is None or (call_id and state.call_ids[key] not in ("", call_id)):  # some servers number all calls 0
            self._end_open(number, state, events)
            index = state.calls[key] = state.next
            state.next += 1
            state.call_ids[key] = call_id
            state.call_parts.append(index)
            call_id = call_id or counted(number, key)
            events.append(PartStarted(number, index, "tool_call", call_id, words(function.get("name"))))
            if isinstance(custom, dict):
                state.customs.append(index)
                events.append(ArgumentsDelta(number, index, BEGIN))
        if index in state.customs and words(function.get("input")):
            events.append(ArgumentsDelta(number, index, escaped(function["input"])))
        arguments = function.get("arguments")
        if isinstance(arguments, dict):
            arguments = _encode(arguments).decode()
        if isinstance(arguments, str) and arguments:
            events.append(ArgumentsDelta(number, index, arguments))

    def _finish(self, number: int, state: _ChoiceState, reason: Any, events: list[Event]) -> None:
        state.finished = True
        self._end_open(number, state, events)
        events += [ArgumentsDelta(number, index, END) for index in state.customs]
        events += [PartEnded(number, index) for index in state.call_parts]
        read = read_finish(reason, refused=state.refused)
        events.append(Finished(number, "tool_calls" if read == "stop" and state.calls else read))


class ChatStreamEncoder(StreamEncoder):
    """See the port. Chunks follow OpenAI's own order: role, deltas, finish, usage (if asked for), ``[DONE]``."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._head: dict[str, Any] = {}
        self._roles: set[int] = set()
        self._kinds: dict[tuple[int, int], PartKind] = {}
        self._calls: dict[tuple[int, int], int] = {}
        self._freeform = freeform_names(context.request)
        self._texts: dict[tuple[int, int], str] = {}
        """Arguments of calls whose text is shown when it is whole."""
        self._filled: set[tuple[int, int]] = set()
        self._refused: set[int] = set()
        self._usage: Usage | None = None

    def encode(self, event: Event) -> bytes:
        """As the port says."""
        match event:
            case TextDelta(choice, index, text, logprobs):
                field = "refusal" if self._kinds.get((choice, index)) == "refusal" else "content"
                return self._role(choice) + self._chunk(choice, {field: text}, logprobs=logprobs)
            case ArgumentsDelta(choice, index, json):
                return self._arguments((choice, index), json)
            case ThinkingDelta(choice, _, text):
                return self._role(choice) + self._chunk(choice, {"reasoning_content": text}) if text else b""
            case ReplyStarted():
                return self._start(event)
            case PartStarted():
                return self._begin(event)
            case PartEnded(choice, index):
                key = (choice, index)
                if key in self._texts:
                    return self._text(key)
                return self._arguments(key, "{}") if key in self._calls and key not in self._filled else b""
            case Finished(choice, reason):
                finish = write_finish(reason, refused=choice in self._refused)
                return self._role(choice) + self._chunk(choice, {}, finish)
            case UsageReported(usage):
                self._usage = usage
            case Ended():
                return self._end()
            case Failed(type_, message, status):
                return self.error(stream_failure(type_, message, status), self._context.request_id)
            case OpaqueDelta(choice, _, opaque) if opaque.protocol == FORMAT:
                return self._role(choice) + self._chunk(choice, opaque.value)
        return b""

    def error(self, error: GatewayError, request_id: str) -> bytes:
        """As the port says. No ``[DONE]`` follows: the answer is not whole."""
        return write_event(write_error(error, request_id))

    def _start(self, event: ReplyStarted) -> bytes:
        self._head = {
            "id": event.id or f"chatcmpl-{self._context.request_id}",
            "object": "chat.completion.chunk",
            "created": event.created or self._context.created,
            "model": self._context.model or event.model,
        }
        if event.usage is not None:
            self._usage = event.usage
        return self._role(0)

    def _role(self, choice: int) -> bytes:
        if choice in self._roles:
            return b""
        self._roles.add(choice)
        return self._chunk(choice, {"role": "assistant", "content": ""})

    def _begin(self, event: PartStarted) -> bytes:
        key = (event.choice, event.index)
        self._kinds[key] = event.kind
        if event.kind == "refusal":
            self._refused.add(event.choice)
        if event.kind != "tool_call":
            return b""
        position = sum(1 for choice, _ in self._calls if choice == event.choice)
        self._calls[key] = position
        name = self._context.renamed_tools.get(event.name, event.name)
        call: dict[str, Any] = {"index": position, "id": told_id(event.call_id, self._context.request_id)}
        if name in self._freeform:
            self._texts[key] = ""
            call |= {"type": "custom", "custom": {"name": name, "input": ""}}
        else:
            call |= {"type": "function", "function": {"name": name, "arguments": ""}}
        return self._role(event.choice) + self._chunk(event.choice, {"tool_calls": [call]})

    def _arguments(self, key: tuple[int, int], json: str) -> bytes:
        position = self._calls.get(key)
        if position is None or not json:  # arguments of a part this format does not show
            return b""
        if key in self._texts:
            self._texts[key] += json
            return b""
        self._filled.add(key)
        return self._chunk(key[0], {"tool_calls": [{"index": position, "function": {"arguments": json}}]})

    def _text(self, key: tuple[int, int]) -> bytes:
        """The text of a call that takes one."""
        text = input_of(self._texts.pop(key) or BEGIN + END)
        return self._chunk(key[0], {"tool_calls": [{"index": self._calls[key], "custom": {"input": text}}]})

    def _end(self) -> bytes:
        usage = b""
        if self._context.stream_usage:
            usage = write_event(_encode({**self._head, "choices": [], "usage": write_usage(self._usage or Usage())}))
        return usage + write_event(b"[DONE]")

    def _chunk(self, choice: int, delta: dict[str, Any], finish: str | None = None, logprobs: Any = None) -> bytes:
        entry = {"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return write_event(_encode({**self._head, "choices": [entry]}))
