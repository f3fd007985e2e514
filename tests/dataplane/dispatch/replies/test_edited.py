"""Hooked streams of responses: every event that repeats what was said says what was shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest
from msgspec.structs import replace
from tollhouse.dataplane.chat import ArgumentsDelta, Ended, Event, Finished, PartEnded, TextDelta
from tollhouse.dataplane.dispatch.replies.edited import EditedLeg
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.registry import protocols_by_name

from tests.support.dispatching import data_lines
from tests.support.golden import ROOT

STREAMS = sorted((ROOT / "openai_responses" / "streams").glob("*.sse"))
SPOKEN = protocols_by_name()["openai_responses"]


def relay(hook: Callable[[Event], list[Any]], data: bytes, size: int) -> bytes:
    """What comes out when it comes in pieces of one size."""
    decoder = SPOKEN.stream_decoder()
    editor = SPOKEN.stream_editor(decoder)
    assert editor is not None
    leg = EditedLeg(decoder, SPOKEN.stream_encoder(ReplyContext("m", True, request_id="r")), hook, editor)
    out = []
    for at in range(0, len(data), size):
        leg.feed(data[at : at + size])
        out.append(leg.take())
    leg.close()
    return b"".join([*out, leg.take()])


def events(*bodies: dict[str, Any]) -> bytes:
    """As the wire has them, numbered."""
    return b"".join(
        f"event: {one['type']}\ndata: {json.dumps({**one, 'sequence_number': number})}\n\n".encode()
        for number, one in enumerate(bodies)
    )


def call(item: dict[str, Any], kind: str, name: str, pieces: list[str]) -> bytes:
    """A stream of one call."""
    whole = {**item, name: "".join(pieces), "status": "completed"}
    where = {"item_id": "i1", "output_index": 0}
    response = {"id": "resp_1", "model": "m", "output": []}
    return events(
        {"type": "response.created", "response": response},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, name: ""}},
        *[{"type": f"response.{kind}.delta", **where, "delta": piece} for piece in pieces],
        {"type": f"response.{kind}.done", **where, name: whole[name]},
        {"type": "response.output_item.done", "output_index": 0, "item": whole},
        {"type": "response.completed", "response": {**response, "status": "completed", "output": [whole]}},
    )


PLAIN = {"type": "function_call", "id": "i1", "call_id": "c1", "name": "post"}
FREE = {"type": "custom_tool_call", "id": "i1", "call_id": "c1", "name": "apply_patch"}
CALLS = [(PLAIN, "function_call_arguments", "arguments"), (FREE, "custom_tool_call_input", "input")]


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_what_hooks_leave_alone_passes_byte_for_byte(path: Any, size: int) -> None:
    """However the stream is cut."""
    if path.stem not in ("failed", "error"):
        whole, cut = path.read_bytes(), path.stem == "cut"
        assert relay(lambda event: [event], whole, size) == (whole[: whole.rfind(b"\n\n") + 2] if cut else whole)


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_no_event_tells_what_was_taken_out(path: Any) -> None:
    """The words are gone from deltas, from what is done, and from the whole at the end; ids and order stay."""
    if path.stem in ("failed", "error", "cut"):
        return
    words: list[str] = []

    def change(event: Event) -> list[Event]:
        if isinstance(event, TextDelta):
            words.append(event.text)
            return [replace(event, text=f"<{len(event.text)}>")]
        return [event]

    data = path.read_bytes()
    out = relay(change, data, 64)
    before, after = data_lines(data.replace(b"\r\n", b"\n")), data_lines(out)
    for name in ("type", "item_id"):  # deltas that were changed leave as one
        kept = [[key for key, _ in groupby(one.get(name) for one in told)] for told in (before, after)]
        assert kept[0] == kept[1]
    told = "".join(
        one["delta"] for one in after if one["type"] in ("response.output_text.delta", "response.refusal.delta")
    )
    assert told == ("" if path.stem == "items_only" else "".join(f"<{len(word)}>" for word in words))
    said = "".join(words)
    assert not said or json.dumps(said)[1:-1].encode() not in out
    whole = out.decode()
    assert not words or f"<{len(words[0])}>" in whole


@pytest.mark.parametrize("size", [1, 30, 5000])
@pytest.mark.parametrize(("item", "kind", "name"), CALLS)
def test_calls_that_are_held_and_changed_are_whole_and_true(
    item: dict[str, Any], kind: str, name: str, size: int
) -> None:
    """Also free-form input, of which the decoder tells only at its end: nothing of it goes out before."""
    pieces = ['{"to": "MARK', '", "n": 1}'] if item is PLAIN else ["*** Begin MARK", "\n*** End"]
    held: list[ArgumentsDelta] = []

    def hold(event: Event) -> list[Event]:
        if isinstance(event, ArgumentsDelta):
            held.append(event)
            return []
        if isinstance(event, PartEnded):
            text = "".join(one.json for one in held)
            return [ArgumentsDelta(0, event.index, text.replace("MARK", "kim@acme.io")), event]
        return [event]

    out = relay(hold, call(item, kind, name, pieces), size)
    assert b"MARK" not in out
    after = data_lines(out)
    wanted = "".join(pieces).replace("MARK", "kim@acme.io")
    assert "".join(one["delta"] for one in after if one["type"] == f"response.{kind}.delta") == wanted
    assert next(one for one in after if one["type"] == f"response.{kind}.done")[name] == wanted
    assert next(one for one in after if one["type"] == "response.output_item.done")["item"][name] == wanted
    assert after[-1]["response"]["output"][0][name] == wanted


@pytest.mark.parametrize(("item", "kind", "name"), CALLS)
def test_nothing_of_a_call_is_told_before_the_hooks_have_let_it_go(item: dict[str, Any], kind: str, name: str) -> None:
    """A refusal at the end of the call finds the agent with an empty one."""

    def refuse(event: Event) -> list[Event]:
        return [] if isinstance(event, ArgumentsDelta | PartEnded | Finished | Ended) else [event]

    out = relay(refuse, call(item, kind, name, ['{"x": "FORBIDDEN"}']), 40)
    assert b"output_item.added" in out
    assert b"FORBIDDEN" not in out


def test_what_only_the_last_event_tells_is_judged_too() -> None:
    """Some servers send nothing else."""
    message = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "SECRET words"}]}
    data = events({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [message]}})
    seen: list[Event] = []
    assert relay(lambda event: [seen.append(event) or event], data, 50) == data  # type: ignore[func-returns-value]
    assert [one.text for one in seen if isinstance(one, TextDelta)] == ["SECRET words"]
    out = relay(lambda event: [replace(event, text="none") if isinstance(event, TextDelta) else event], data, 50)
    assert data_lines(out)[-1]["response"]["output"][0]["content"][0]["text"] == "none"


def test_another_end_of_a_hooks_own_is_the_last_event() -> None:
    """As a model that declines; what the provider says afterwards is not told."""
    state = {"over": False}

    def decline(event: Event) -> list[Event]:
        if state["over"]:
            return []
        if isinstance(event, TextDelta):
            state["over"] = True
            return [Finished(0, "content_filter"), Ended()]
        return [event]

    path = next(one for one in STREAMS if one.stem == "text")
    after = data_lines(relay(decline, path.read_bytes(), 50))
    assert after[-1]["type"] == "response.incomplete"
    assert "response.completed" not in {one["type"] for one in after}
