"""Chat completion chunks from servers that are not quite OpenAI, and to clients that expect just that."""

from __future__ import annotations

import json
from typing import Any

from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    Ended,
    Event,
    Failed,
    Finished,
    PartEnded,
    PartStarted,
    ReplyStarted,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    Usage,
    UsageReported,
)

from tests.support.protocols import OPENAI, protocol, written


def read(*chunks: dict[str, Any] | str) -> list[Event]:
    decoder = protocol(OPENAI).stream_decoder()
    events: list[Event] = []
    for chunk in chunks:
        data = chunk if isinstance(chunk, str) else json.dumps({"id": "c", "model": "m", "created": 1, **chunk})
        events += decoder.feed(f"data: {data}\n\n".encode())
    return events + decoder.close()


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def call(index: int | None, id: str | None = None, name: str | None = None, arguments: Any = "") -> dict[str, Any]:
    entry: dict[str, Any] = {"function": {"name": name, "arguments": arguments}}
    if index is not None:
        entry["index"] = index
    if id is not None:
        entry["id"] = id
    return delta(tool_calls=[entry])


def test_servers_that_number_every_call_0_still_have_their_calls_apart() -> None:
    events = read(call(0, "a", "f", "{}"), call(0, "b", "g", "{}"), delta("tool_calls"), "[DONE]")
    started = [event for event in events if isinstance(event, PartStarted)]
    assert [(event.index, event.call_id, event.name) for event in started] == [(0, "a", "f"), (1, "b", "g")]
    assert [event.index for event in events if isinstance(event, PartEnded)] == [0, 1]


def test_calls_without_index_or_with_arguments_as_an_object_are_read() -> None:
    events = read(call(None, "a", "f", {"x": 1}), call(None, "b", "g"), delta("stop"), "[DONE]")
    assert ArgumentsDelta(0, 0, '{"x":1}') in events
    assert [event.call_id for event in events if isinstance(event, PartStarted)] == ["a", "b"]
    assert Finished(0, "tool_calls") in events


def test_a_stream_without_done_is_whole_when_it_was_finished_and_cut_when_not() -> None:
    assert read(delta(content="x"), delta("stop"))[-1] == Ended()
    assert Ended() not in read(delta(content="x"))
    assert Ended() not in read()


def test_a_stream_without_a_finish_reason_gets_one() -> None:
    assert read(delta(content="x"), "[DONE]")[-3:] == [PartEnded(0, 0), Finished(0, "stop"), Ended()]


def test_malformed_data_is_a_failure_and_the_end() -> None:
    events = read(delta(content="x"), "{nonsense", delta(content="y"))
    assert isinstance(events[-1], Failed)
    assert events[-1].type == "invalid_stream"


def test_errors_are_read_in_the_shapes_servers_send() -> None:
    assert read({"error": {"message": "m", "type": "t", "code": 503}}) == [Failed("t", "m", 503)]
    assert read({"error": "out of memory"}) == [Failed("upstream_error", "out of memory")]


def test_usage_is_written_only_for_clients_that_asked_and_then_last() -> None:
    events = [ReplyStarted("c", "m"), Finished(0, "stop"), UsageReported(Usage(10, 4, output_tokens=2)), Ended()]
    plain = written(OPENAI, events)
    assert all(chunk["choices"] for chunk in plain[:-1])
    assert plain[-1] == "[DONE]"
    asked = written(OPENAI, events, stream_usage=True)
    assert asked[-2]["choices"] == []
    assert asked[-2]["usage"]["prompt_tokens"] == 10
    assert asked[-2]["usage"]["prompt_tokens_details"]["cached_tokens"] == 4


def test_a_call_without_arguments_gets_an_empty_object_and_its_own_name() -> None:
    events = [ReplyStarted("c", "m"), PartStarted(0, 0, "tool_call", "a", "sent"), PartEnded(0, 0)]
    chunks = written(OPENAI, events, renamed_tools={"sent": "own name"})
    first, second = (chunk["choices"][0]["delta"]["tool_calls"][0] for chunk in chunks[1:])
    assert first == {"index": 0, "id": "a", "type": "function", "function": {"name": "own name", "arguments": ""}}
    assert second == {"index": 0, "function": {"arguments": "{}"}}


def test_every_choice_begins_with_its_role() -> None:
    events = [ReplyStarted("c", "m"), PartStarted(1, 0, "text"), TextDelta(1, 0, "x")]
    chunks = written(OPENAI, events)
    assert [chunk["choices"][0]["index"] for chunk in chunks] == [0, 1, 1]
    assert chunks[1]["choices"][0]["delta"] == {"role": "assistant", "content": ""}


def test_a_reply_without_date_or_id_gets_the_requests() -> None:
    (chunk,) = written(OPENAI, [ReplyStarted("", "provider-model")], request_id="r1", created=1700000000)
    assert (chunk["id"], chunk["created"], chunk["model"]) == ("chatcmpl-r1", 1700000000, "m")


def test_answers_in_parts_and_calls_of_the_old_kind_are_read() -> None:
    """Mistral's reasoning models stream parts; old servers call functions outside of ``tool_calls``."""
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    said = {"type": "text", "text": "Yes."}
    deltas: list[Any] = [{"content": [thought]}, {"content": [said]}]
    deltas += [{"function_call": {"name": "f", "arguments": '{"a"'}}, {"function_call": {"arguments": ":1}"}}]
    choices: list[Any] = [{"index": 0, "delta": delta} for delta in deltas] + [
        {"index": 0, "finish_reason": "function_call"}
    ]
    raw = b"".join(b"data: " + json.dumps({"choices": [one]}).encode() + b"\n\n" for one in choices)
    events = protocol(OPENAI).stream_decoder().feed(raw)
    assert [event.text for event in events if isinstance(event, ThinkingDelta)] == ["Hm."]
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Yes."]
    assert "".join(event.json for event in events if isinstance(event, ArgumentsDelta)) == '{"a":1}'
    message = {"content": [thought, said], "function_call": {"name": "f", "arguments": "{}"}}
    reply = protocol(OPENAI).decode_reply(json.dumps({"choices": [{"message": message}]}).encode())
    assert reply.choices[0].parts == [Thinking("Hm."), Text("Yes."), ToolCall("counted_0_0", "f", "{}")]
