"""Streams that say the forbidden in any of their events, through a hook that takes it out of what it is told of.

Formats repeat what they say, and providers send what nobody foresaw: wherever words of an answer stand, the client must
not get those the hook has not let pass. ``make fuzz`` runs many more.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tollhouse.dataplane.chat import ArgumentsDelta, Event, PartEnded, TextDelta
from tollhouse.dataplane.dispatch.replies.edited import EditedLeg
from tollhouse.dataplane.dispatch.replies.hooked import HookedLeg
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.registry import protocols_by_name

from tests.support.golden import FORMATS, cases, load

FUZZ = settings(
    max_examples=int(os.environ.get("TOLLHOUSE_FUZZ", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
WORDS = frozenset(("delta", "text", "arguments", "input", "refusal", "content", "partial_json"))
"""Keys under which a string is what the model says."""
NEVER_CHANGED = ("reasoning", "summary", "thinking", "thought")
"""Reasoning is signed: hooks refuse it, or leave it."""
PROVIDERS_OWN = ("server_tools", "web_search")
"""Streams with calls of the provider's own tools, which are passed as they are told."""
FORBIDDEN = "FORBIDDEN"


class Hook:
    """Takes the word out; may hold the deltas of a part to its end, as policies do."""

    def __init__(self, holds: bool) -> None:
        self._holds = holds
        self._held: dict[int, list[Event]] = {}

    def __call__(self, event: Event) -> list[Any]:
        if isinstance(event, TextDelta | ArgumentsDelta):
            if self._holds:
                self._held.setdefault(event.index, []).append(event)
                return []
            return [_clean(event)]
        if isinstance(event, PartEnded):
            return [*map(_clean, self._held.pop(event.index, [])), event]
        return [event]


def _clean(event: Any) -> Any:
    name = "json" if isinstance(event, ArgumentsDelta) else "text"
    said = getattr(event, name)
    return replace(event, **{name: said.replace(FORBIDDEN, "")}) if FORBIDDEN in said else event


def spoilt(value: Any, chosen: list[bool]) -> Any:
    """The value with the word in some of its words."""
    if isinstance(value, list):
        return [spoilt(inner, chosen) for inner in value]
    if not isinstance(value, dict) or any(one in str(value.get("type")) for one in NEVER_CHANGED) or "thought" in value:
        return value
    return {
        name: f"{inner} {FORBIDDEN} "
        if name in WORDS and isinstance(inner, str) and (chosen.pop() if chosen else False)
        else spoilt(inner, chosen)
        for name, inner in value.items()
    }


@pytest.mark.parametrize("name", FORMATS)
@FUZZ
@given(data=st.data())
def test_what_the_hook_takes_out_stands_nowhere(name: str, data: st.DataObject) -> None:
    """However the stream is cut, whatever is repeated, missing or doubled."""
    spoken = protocols_by_name()[name]
    case = data.draw(
        st.sampled_from([case for of, case in cases("streams", ".sse") if of == name and case not in PROVIDERS_OWN])
    )
    raw = load(name, "streams", case, ".sse").replace(b"\r\n", b"\n")
    chosen = data.draw(st.lists(st.booleans(), min_size=4, max_size=40))
    pieces = []
    for piece in raw.split(b"\n\n"):
        head, mark, body = piece.partition(b"data: ")
        try:
            pieces.append(head + mark + json.dumps(spoilt(json.loads(body), chosen)).encode())
        except ValueError:
            pieces.append(piece)
    for _ in range(data.draw(st.integers(0, 3))):  # leave out or double
        at = data.draw(st.integers(0, len(pieces) - 1))
        pieces[at : at + 1] = data.draw(st.sampled_from([[], [pieces[at]] * 2]))
        pieces = pieces or [b""]
    stream = b"\n\n".join(pieces) + b"\n\n"
    decoder, encoder = spoken.stream_decoder(), spoken.stream_encoder(ReplyContext("m", True, request_id="r"))
    editor = spoken.stream_editor(decoder)
    hook = Hook(data.draw(st.booleans()))
    leg = HookedLeg(decoder, encoder, hook) if editor is None else EditedLeg(decoder, encoder, hook, editor)
    size = data.draw(st.sampled_from([7, 64, 100_000]))
    out = b""
    for at in range(0, len(stream), size):
        leg.feed(stream[at : at + size])
        out += leg.take()
    leg.close()
    out += leg.take()
    assert FORBIDDEN.encode() not in out
