"""A responses stream says everything several times: in deltas, when a part and an item is done, and at the very end.

Where hooks changed what a part says, the provider's own events are kept with what was shown in them, so that their ids
and numbers stay true. What an event repeats and nobody was shown is taken out: it was not judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from tollhouse.dataplane.chat import ArgumentsDelta, Event, TextDelta, ThinkingDelta
from tollhouse.dataplane.engine.sse import EventReader, ServerEvent, write_event
from tollhouse.dataplane.protocol import StreamEditor
from tollhouse.dataplane.protocols._fields import count, words
from tollhouse.dataplane.protocols._freeform import BEGIN, input_of
from tollhouse.dataplane.protocols.openai_responses.reply import read_call

Place = tuple[int, int]
"""``output_index`` and ``content_index``; -1 as the latter for the item itself."""

_CALLS = ("function_call", "custom_tool_call")
_TEXTS = ("output_text", "refusal")
_DELTAS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "text",
    "response.function_call_arguments.delta": "call",
    "response.custom_tool_call_input.delta": "input",
}
_DONE = {
    "response.output_text.done": ("text", "text"),
    "response.refusal.done": ("refusal", "text"),
    "response.function_call_arguments.done": ("arguments", "call"),
    "response.custom_tool_call_input.done": ("input", "input"),
}
"""Event -> the field that repeats, and what it repeats."""
_THOUGHTS = ("response.reasoning_summary_text.done", "response.reasoning_text.done")
_WAITING = (b'.done"', b'_tool_call_input.delta"')


class ResponsesEditor(StreamEditor):
    """See the port. ``places`` is the decoder's: where the parts stand that it tells of."""

    def __init__(self, places: Mapping[Place, int]) -> None:
        self._places = places
        self._shown: dict[int, list[str]] = {}
        self._owed: dict[int, str] = {}
        """What is shown of a part and no delta that went out has said."""
        self._free: set[int] = set()
        """Calls of whose input that is told, not of their arguments."""
        self._kept_back: set[int] = set()
        """Parts of which a delta did not go out."""

    def show(self, event: Event) -> None:
        """As the port says."""
        if isinstance(event, TextDelta | ThinkingDelta | ArgumentsDelta):
            text = event.json if isinstance(event, ArgumentsDelta) else event.text
            self._shown.setdefault(event.index, []).append(text)
            self._owed[event.index] = self._owed.get(event.index, "") + text

    def waits(self, raw: bytes) -> bool:
        """As the port says: what repeats, and free-form input, of which the decoder tells when all of it has come."""
        return any(mark in raw for mark in _WAITING)

    def edit(self, raw: bytes) -> bytes:
        """As the port says."""
        reader = EventReader(len(raw) + 1)
        told = [*reader.feed(raw), *reader.close()]
        made = [self._one(event) for event in told]
        return (
            raw
            if all(one is None for one in made)
            else b"".join(
                [
                    write_event(event.data, event.name) if one is None else one
                    for event, one in zip(told, made, strict=True)
                ]
            )
        )

    def _one(self, event: ServerEvent) -> bytes | None:
        """The event as it may be shown; None when that is as it came."""
        try:
            body: Any = msgspec.json.decode(event.data)
        except ValueError:
            return None
        if not isinstance(body, dict):
            return None
        kind = words(body.get("type")) or event.name
        if kind in _DELTAS:
            return self._delta(event, kind, body)
        before = b""
        if kind in _DONE:
            before, changed = self._done(kind, body)
        else:
            changed = self._repeated(kind, body)
        if not changed and not before:
            return None
        return before + (write_event(msgspec.json.encode(body), event.name) if changed else _as_it_came(event))

    # -- deltas

    def _delta(self, event: ServerEvent, kind: str, body: dict[str, Any]) -> bytes | None:
        said = words(body.get("delta"))
        what = _DELTAS[kind]
        part = self._part(body, what)
        if part is None:
            return b"" if said else None
        if what == "input":
            self._free_form(part)
        owed = self._owed.get(part, "")
        if owed.startswith(said):
            self._owed[part] = owed[len(said) :]
            return None
        rest = self._rest(part)
        if rest:
            return _delta(event.name, {**body, "delta": rest})
        self._kept_back.add(part)
        return b""

    def _free_form(self, part: int) -> None:
        """From the arguments of a call to the text in them, once they are whole."""
        if part not in self._free:
            text = self._input(part)
            if text is None:
                self._owed[part] = ""
                return
            self._free.add(part)
            self._owed[part] = text

    def _input(self, part: int) -> str | None:
        arguments = self._text_of(part)
        text = input_of(arguments) if arguments else arguments
        return None if not text or (text is arguments and text.startswith(BEGIN)) else text

    def _text_of(self, part: int) -> str:
        return "".join(self._shown.get(part, ()))

    def _rest(self, part: int) -> str:
        owed, self._owed[part] = self._owed.get(part, ""), ""
        return owed

    def _part(self, body: Mapping[str, Any], what: str) -> int | None:
        return self._places.get(
            (count(body.get("output_index")), count(body.get("content_index")) if what == "text" else -1)
        )

    # -- what repeats

    def _done(self, kind: str, body: dict[str, Any]) -> tuple[bytes, bool]:
        """What deltas still owe, and whether the event had to be changed."""
        name, what = _DONE[kind]
        part = self._part(body, what)
        owed = b""
        if part is not None and what == "input":
            self._free_form(part)
        rest = self._rest(part) if part is not None and part in self._kept_back else ""
        if rest:
            type_ = kind.removesuffix(".done") + ".delta"
            where = {key: value for key, value in body.items() if key.endswith(("_id", "_index", "_number"))}
            owed = _delta(type_, {"type": type_, **where, "delta": rest})
        wanted = None if part is None else (self._input(part) or "") if what == "input" else self._text_of(part)
        changed = self._put(body, name, wanted)
        if changed:
            _unlikely(body)
        return owed, changed

    def _repeated(self, kind: str, body: dict[str, Any]) -> bool:
        number = count(body.get("output_index"))
        part, item, response = body.get("part"), body.get("item"), body.get("response")
        if kind in _THOUGHTS:
            return self._thought(body, number)
        if isinstance(part, dict):
            if part.get("type") == "summary_text":
                return self._thought(part, number)
            return self._text(part, (number, count(body.get("content_index"))))
        if isinstance(item, dict):
            return self._item(item, number)
        output = response.get("output") if isinstance(response, dict) else None
        if not isinstance(output, list):
            return False
        changed = [self._item(one, place) for place, one in enumerate(output) if isinstance(one, dict)]
        return any(changed)

    def _item(self, item: dict[str, Any], number: int) -> bool:
        if item.get("type") in _CALLS:
            part = self._places.get((number, -1))
            shown = None if part is None else self._text_of(part)
            if shown is not None and read_call(item).arguments == (shown or "{}"):
                return False
            if item["type"] == "function_call":
                return self._put(item, "arguments", shown)
            return self._put(item, "input", input_of(shown) if shown else shown)
        content = item.get("content")
        inner = [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []
        if item.get("type") == "reasoning":
            summary = item.get("summary")
            inner += [one for one in summary if isinstance(one, dict)] if isinstance(summary, list) else []
            changed = [self._thought(one, number) for one in inner]
        elif item.get("type") == "message":
            changed = [self._text(one, (number, place)) for place, one in enumerate(inner)]
        else:
            changed = []
        return any(changed)

    def _text(self, part: dict[str, Any], place: Place) -> bool:
        if part.get("type") not in _TEXTS:
            return False
        index = self._places.get(place)
        name = "refusal" if part["type"] == "refusal" else "text"
        changed = self._put(part, name, None if index is None else self._text_of(index))
        if changed:
            _unlikely(part)
        return changed

    def _thought(self, holder: dict[str, Any], number: int) -> bool:
        """Reasoning is never changed: it was shown, or it is not."""
        text, part = words(holder.get("text")), self._places.get((number, -1))
        if not text or (part is not None and text in self._text_of(part)):
            return False
        return self._put(holder, "text", None)

    def _put(self, holder: dict[str, Any], name: str, wanted: str | None) -> bool:
        """``wanted`` None: nobody told of a part there; what was shown elsewhere may stay."""
        said = words(holder.get(name))
        if said == wanted or not said or (wanted is None and said in map(self._text_of, self._shown)):
            return False
        holder[name] = wanted or ""
        return True


def _delta(name: str, body: dict[str, Any]) -> bytes:
    _unlikely(body)
    return write_event(msgspec.json.encode(body), name)


def _as_it_came(event: ServerEvent) -> bytes:
    return write_event(event.data, event.name)


def _unlikely(holder: dict[str, Any]) -> None:
    """Tokens with their probabilities, and padding by length, tell what was taken out."""
    if holder.get("logprobs"):
        holder["logprobs"] = []
    holder.pop("obfuscation", None)
