"""Finds a field that a JSON object names twice. Readers differ in which one they take: this one takes the last, a
provider may take the first, so neither what a request costs nor what it says would be certain.

An object without spaces, as most clients write it, is exactly as long as its parts: then nothing stands twice, and
nobody has to look. Others are compared with their parts once; what cannot be explained that way is read again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

_KEY = re.compile(rb'[ \t\r\n]*"([^"\\]*)"[ \t\r\n]*:[ \t\r\n]*')
_NEXT = re.compile(rb"[ \t\r\n]*([,}])")
_PAIRS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def named_twice(raw: bytes, fields: Mapping[str, Any]) -> str:
    """The first name that stands twice; empty where each stands once. ``fields`` is what the valid object ``raw`` was
    decoded to: names with the bytes of their values."""
    # Quotes, colon and comma of each; braces, and no last comma. A name cannot be shorter than it is decoded.
    if sum(map(len, fields)) + sum(map(len, fields.values())) + 4 * len(fields) + 1 == len(raw):
        return ""
    return "" if _explained(raw, fields) else _read_again(raw)


def twice_within(raw: bytes) -> str:
    """The same for the bytes of a value of any kind; what is no object names nothing."""
    try:
        return named_twice(raw, _PAIRS.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _explained(raw: bytes, fields: Mapping[str, Any]) -> bool:
    """Whether the text is these fields, in this order, with space between them, and nothing else."""
    at = raw.find(b"{") + 1
    for name, value in fields.items():
        found = _KEY.match(raw, at)
        if found is None or found[1] != name.encode():
            return False
        at = found.end()
        if not raw.startswith(bytes(value), at):
            return False
        after = _NEXT.match(raw, at + len(value))
        if after is None:
            return False
        at = after.end()
    return not raw[at:].strip()


def _read_again(raw: bytes) -> str:
    """Exactly, and slowly: names with escapes in them, or one that stands twice."""
    last: list[tuple[str, Any]] = []

    def pairs(found: list[tuple[str, Any]]) -> None:
        nonlocal last
        last = found

    json.loads(raw, object_pairs_hook=pairs)
    seen: set[str] = set()
    for name, _ in last:
        if name in seen:
            return name
        seen.add(name)
    return ""
