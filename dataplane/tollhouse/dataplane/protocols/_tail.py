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


def tail_reader(
    read_usage: Callable[[Any], Usage | None], *answers: str, usage: str = "usage", model: str = "model"
) -> ReadTail:
    """A reader for a format. ``answers``: the fields that hold the answer; a reply without any of them is none, and
    reading it raises UpstreamError."""
    fields: list[tuple[str, Any, Any]] = [("usage", Any, None), ("model", Any, None), ("service_tier", Any, None)]
    names = [f"answer_{number}" for number in range(len(answers))]
    fields += [(name, msgspec.Raw, msgspec.Raw()) for name in names]
    renamed = {"usage": usage, "model": model, **dict(zip(names, answers, strict=True))}
    decoder = msgspec.json.Decoder(msgspec.defstruct("Tail", fields, rename=renamed))
    lacking = f"it has no {' or '.join(repr(name) for name in answers)}"

    def read(body: bytes) -> tuple[Usage | None, str]:
        try:
            tail: Any = decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise invalid_reply("it is no JSON object") from None
        if not any(bytes(getattr(tail, name))[:1] in (b"[", b"{") for name in names):
            raise invalid_reply(lacking)
        return with_tier(read_usage(tail.usage), tail.service_tier), words(tail.model)

    return read
