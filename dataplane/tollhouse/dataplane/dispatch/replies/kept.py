"""Reads usage of an answer that a provider kept: a finished batch, a stored response. Files and lists tell none."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from tollhouse.dataplane.chat import Special
from tollhouse.dataplane.dispatch.replies.batch_results import RESULTS, ResultsReader
from tollhouse.dataplane.protocol import UsageReader
from tollhouse.dataplane.protocols._fields import words
from tollhouse.dataplane.protocols._special import tier_of
from tollhouse.dataplane.protocols.openai_responses.usage import read_usage

_MOST = 16 << 20
_ONE = re.compile(r"/v1/(responses|batches)/[\w-]+(?:/cancel)?$")
_FINISHED = frozenset({"completed", "failed", "incomplete", "cancelled", "expired"})
_LONGEST_NAME = 256


class _Kept(msgspec.Struct):
    """What there is to know of either."""

    id: Any = None
    status: Any = None
    background: Any = None
    model: Any = None
    service_tier: Any = None
    usage: Any = None


class _Event(msgspec.Struct):
    response: _Kept | None = None


_KEPT = msgspec.json.Decoder(_Kept)
_EVENT = msgspec.json.Decoder(_Event)


def reader_for(path: str) -> UsageReader | None:
    """For one batch, its results, or a response; None where nothing is charged."""
    results = RESULTS.search(path)
    if results is not None:
        return ResultsReader(results[1])
    found = _ONE.search(path)
    return KeptReader(batch=found[1] == "batches") if found is not None else None


class KeptReader(UsageReader):
    """Gathers the answer, up to a size, and looks at it when it is whole. One per attempt; not safe to share."""

    __slots__ = ("_batch", "_pieces", "_size")

    def __init__(self, *, batch: bool) -> None:
        super().__init__()
        self._batch = batch
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> bytes:
        """As the port says: what comes is what goes."""
        self.has_content = True
        self._size += len(data)
        if self._size <= _MOST:
            self._pieces.append(data)
        return data

    def close(self) -> bytes:
        """As the port says; nothing is ever held back."""
        self.ended = True
        body, self._pieces = b"".join(self._pieces), []
        kept = _last(body) if body and self._size <= _MOST else None
        usage = read_usage(kept.usage) if kept is not None else None
        if kept is None or usage is None or not usage.total_tokens or kept.status not in _FINISHED:
            return b""
        name, self.model = words(kept.id)[:_LONGEST_NAME], words(kept.model)[:_LONGEST_NAME]
        before = usage.special or Special()
        usage.special = msgspec.structs.replace(
            before,
            tier="batch" if self._batch else tier_of(kept.service_tier),
            answer=name,
            kept="read" if self._batch or kept.background is True else "mend",
            model=self.model,
        )
        self.usage, self.reported = usage, bool(name)
        return b""


def _last(body: bytes) -> _Kept | None:
    """The object, or that of the last event that has one."""
    try:
        if body.lstrip()[:1] == b"{":
            return _KEPT.decode(body)
        for line in reversed(body.splitlines()):
            if line.startswith(b"data:") and b'"response"' in line:
                return _EVENT.decode(line[5:]).response
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None
