"""Reads usage and model of a whole reply that passes untouched: the rest is skipped without being decoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.protocols._failures import invalid_reply
from tollhouse.dataplane.protocols._fields import words
from tollhouse.dataplane.protocols._special import with_tier

ReadTail = Callable[[bytes], tuple[Usage | None, str]]

_OPENERS = b"[{"
_ABSENT = msgspec.Raw(b"null")


def tail_reader(
    read_usage: Callable[[Any], Usage | None],
    *answers: str,
    usage: str = "usage",
    model: str = "model",
    ordinary: tuple[type[Any], Callable[[Any], Usage]] | None = None,
) -> ReadTail:
    """A reader for a format. ``answers``: the fields that hold the answer; a reply without any of them is none, and
    reading it raises UpstreamError. ``ordinary``: the shape nearly every ``usage`` object has, and what reads that;
    others are left to ``read_usage``, which takes anything."""
    names = [f"answer_{number}" for number in range(len(answers))]
    renamed = {"usage": usage, "model": model, **dict(zip(names, answers, strict=True))}
    lenient = _decoder(Any, names, renamed)
    strict = _decoder(ordinary[0] | None, names, renamed) if ordinary is not None else lenient
    read_strict = ordinary[1] if ordinary is not None else read_usage
    first, others = names[0], names[1:]
    lacking = f"it has no {' or '.join(repr(name) for name in answers)}"

    def read(body: bytes) -> tuple[Usage | None, str]:
        read_told = read_strict
        try:
            try:
                tail: Any = strict.decode(body)
            except msgspec.ValidationError:
                tail, read_told = lenient.decode(body), read_usage
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise invalid_reply("it is no JSON object") from None
        if not _is_there(getattr(tail, first)) and not any(_is_there(getattr(tail, name)) for name in others):
            raise invalid_reply(lacking)
        told = tail.usage
        return with_tier(read_told(told) if told is not None else None, tail.service_tier), words(tail.model)

    return read


def _decoder(usage: Any, names: list[str], renamed: dict[str, str]) -> msgspec.json.Decoder[Any]:
    fields: list[tuple[str, Any, Any]] = [("usage", usage, None), ("model", Any, None), ("service_tier", Any, None)]
    fields += [(name, msgspec.Raw, _ABSENT) for name in names]
    return msgspec.json.Decoder(msgspec.defstruct("Tail", fields, rename=renamed))


def _is_there(raw: msgspec.Raw) -> bool:
    return memoryview(raw)[0] in _OPENERS
