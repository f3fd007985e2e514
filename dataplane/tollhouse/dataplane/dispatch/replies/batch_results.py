"""Reads usage of the results of one of Anthropic's batches: a line of JSON for each request."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from tollhouse.dataplane.chat import Special, Usage
from tollhouse.dataplane.protocol import UsageReader
from tollhouse.dataplane.protocols._fields import words
from tollhouse.dataplane.protocols.anthropic_messages.usage import merge_usage

_LONGEST_LINE = 16 << 20
_LONGEST_NAME = 256
RESULTS = re.compile(r"/v1/messages/batches/([\w-]+)/results$")


class _Message(msgspec.Struct):
    model: Any = None
    usage: Any = None


class _Result(msgspec.Struct):
    type: Any = None
    message: _Message | None = None


class _Line(msgspec.Struct):
    result: _Result | None = None


_LINE = msgspec.json.Decoder(_Line)


class ResultsReader(UsageReader):
    """Adds up what the lines tell. Results are charged when they were read to their end (``ended`` is set by who saw
    it), in the name of the batch, each model's at its own prices; the model most tokens went to gives the name. One per
    attempt; not safe to share."""

    __slots__ = ("_by_model", "_id", "_line")

    def __init__(self, id: str) -> None:
        super().__init__()
        self._id = id
        self._line = b""
        self._by_model: dict[str, Usage] = {}

    def feed(self, data: bytes) -> bytes:
        """As the port says: what comes is what goes."""
        self.has_content = True
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._see(self._line + line)
            self._line = b""
        self._line += rest
        if len(self._line) > _LONGEST_LINE:
            self._line = b""
        return data

    def close(self) -> bytes:
        """As the port says; nothing is ever held back."""
        self._see(self._line)
        self._line = b""
        if self.ended and self.usage.total_tokens:
            self.reported = True
            self.model = max(self._by_model, key=lambda name: self._by_model[name].total_tokens)
            parts = tuple(self._by_model.items())
            searches = self.usage.special.web_searches if self.usage.special is not None else 0
            self.usage.special = Special(
                tier="batch", web_searches=searches, answer=self._id, kept="read", model=self.model, parts=parts
            )
        return b""

    def _see(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            result = _LINE.decode(line).result
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        message = result.message if result is not None else None
        told = merge_usage(None, message.usage) if message is not None else None
        if message is None or told is None:
            return
        model = words(message.model)[:_LONGEST_NAME]
        self._by_model[model] = _sum(self._by_model.get(model) or Usage(special=Special(tier="batch")), told)
        self.usage = _sum(self.usage, told)


def _sum(one: Usage, other: Usage) -> Usage:
    names = [name for name in Usage.__struct_fields__ if name not in ("estimated", "special")]
    total = Usage(*[getattr(one, name) + getattr(other, name) for name in names])
    total.special = one.special
    if other.special is not None and other.special.web_searches:
        had = total.special or Special()
        searches = had.web_searches + other.special.web_searches
        total.special = msgspec.structs.replace(had, web_searches=searches)
    return total
