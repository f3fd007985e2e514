"""What a request is about, in the operator's and the client's words: tags. Pure. What clients write are hints, not
proofs: budgets that must hold name a consumer or a group beside them."""

from __future__ import annotations

from collections.abc import Mapping

TAGS_HEADER = "x-tollhouse-tags"

_MOST_TAGS = 16
_LONGEST = 128


def tags_of(headers: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, str]:
    """``name=value`` pairs of the header, and the consumer's labels, which weigh more."""
    written = headers.get(TAGS_HEADER)
    if not written:
        return dict(labels)
    tags: dict[str, str] = {}
    for pair in written.split(",")[:_MOST_TAGS]:
        name, equals, value = pair.strip().partition("=")
        if equals and name and value:
            tags[name.strip()[:_LONGEST]] = value.strip()[:_LONGEST]
    return {**tags, **labels}
