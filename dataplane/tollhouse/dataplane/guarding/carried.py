"""Masked values in the address of a picture: restored, they would leave as soon as the answer is shown."""

from __future__ import annotations

from collections.abc import Iterator

import re2
from tollhouse.dataplane.guarding.destinations import destinations_in, is_named
from tollhouse.dataplane.guarding.patterns import options

_FETCHED = re2.compile(
    r"(?:!\[[^\]\n]{0,400}\]\(\s?<?|\]:\s?<?|<(?:img|iframe|script|link|source|video|audio)\s[^>]{0,200}(?:src|href)=[\"']?)"
    r"(https?://[^\s)>\"']+)",
    options(case=False),
)
"""Pictures and definitions of links in Markdown (a picture may point at one), and what HTML fetches by itself."""


def carried(text: str, nonce: str, trusted: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Where addresses stand that hold one of our marks and lead to hosts nobody trusted has named."""
    raw = text.encode("utf-8", "replace")
    for found in _FETCHED.finditer(raw):
        address = found.group(1).decode("utf-8", "replace")
        if nonce not in address.lower():
            continue
        hosts = destinations_in(address)
        if hosts and all(is_named(host, trusted) for host in hosts):
            continue
        start = len(raw[: found.start(1)].decode("utf-8", "replace"))
        yield start, start + len(address)
