"""How long a vendor asks to wait, wherever it says so: in headers, in the error document, in its sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

_SENTENCE = re.compile(
    r"(?:try again|retry) (?:in|after) "
    r"((?:\d+(?:\.\d+)?\s?(?:ms|milliseconds?|hours?|minutes?|seconds?|[hms])(?![a-z])\s?)+)"
)
_PIECE = re.compile(r"(\d+(?:\.\d+)?)\s?(ms|milli|h|m|s)")
_SECONDS = {"ms": 0.001, "milli": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from ``retry-after-ms`` or ``retry-after`` (seconds, or a date beside the answer's ``date``)."""
    millis = _number(headers.get("retry-after-ms"))
    if millis is not None:
        return millis / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None or not text:
        return seconds
    try:
        difference = parsedate_to_datetime(text) - parsedate_to_datetime(headers["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return max(0.0, difference.total_seconds())


def read_wait(details: Iterator[Mapping[str, Any]], sentence: str) -> float | None:
    """Seconds to wait, from Google's ``RetryInfo`` or from the vendor's words (``Please try again in 6m0s``)."""
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str):
            return _number(delay.removesuffix("s"))
    found = _SENTENCE.search(sentence.lower())
    if found is None:
        return None
    return sum(float(count) * _SECONDS[unit] for count, unit in _PIECE.findall(found[1]))


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < 1e9 else None
