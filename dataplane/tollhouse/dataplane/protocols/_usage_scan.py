"""Finds the usage in bytes that pass as they are, however long they are: a byte search, and a look at what follows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.protocol import UsageReader

_KEY = b'"usage"'
_KEPT = 4 << 10
"""Bytes behind the key that are kept: usage is a small object."""

_decoder = json.JSONDecoder()


class UsageScan(UsageReader):
    """Watches JSON or events that hold it; of several usages the last one counts. A quote inside a text is escaped, so
    the key is never found in one. One per attempt; not safe to share."""

    __slots__ = ("_read", "_tail", "_texts")

    def __init__(self, read_usage: Callable[[Any], Usage | None]) -> None:
        super().__init__()
        self._read = read_usage
        self._tail = b""
        self._texts: list[bytes] = []
        """What follows the last keys found."""

    def feed(self, data: bytes) -> bytes:
        """As the port says: what comes is what goes."""
        self.has_content = True
        if self._texts and len(self._texts[-1]) < _KEPT:
            self._texts[-1] += data[: _KEPT - len(self._texts[-1])]
        seam = self._tail + data[: len(_KEY) - 1]
        at = seam.find(_KEY)
        if at >= 0:
            self._keep((seam + data[len(_KEY) - 1 :])[at + len(_KEY) :])
        at = data.find(_KEY)
        while at >= 0:
            self._keep(data[at + len(_KEY) :])
            at = data.find(_KEY, at + len(_KEY))
        self._tail = (self._tail + data)[-len(_KEY) + 1 :] if len(data) < len(_KEY) else data[-len(_KEY) + 1 :]
        return data

    def _keep(self, text: bytes) -> None:
        self._texts = [*self._texts[-3:], text[:_KEPT]]

    def close(self) -> bytes:
        """As the port says; nothing is ever held back."""
        self.ended = True
        for text in reversed(self._texts):
            between, _, value = text.decode("utf-8", "replace").lstrip().partition(":")
            try:
                told, _ = _decoder.raw_decode(value.lstrip()) if not between.strip() else (None, 0)
            except (ValueError, RecursionError):
                continue
            usage = self._read(told)
            if usage is not None:
                self.usage, self.reported = usage, True
                break
        self._texts.clear()
        return b""
