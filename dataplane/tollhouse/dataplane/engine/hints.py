"""What clients say about the work a request belongs to: its session, its tags. Pure. Hints, not proofs: budgets that
must hold name a consumer or a group beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping

SESSION_HEADERS = (
    "x-tollhouse-session",
    "x-claude-code-session-id",
    "session-id",
    "x-session-id",
    "thread-id",
)
"""In the order of trust in their meaning: ours, Claude Code's, Codex', opencode's."""

TAGS_HEADER = "x-tollhouse-tags"

_IN_USER = re.compile(r'"session_id"\s*:\s*"([^"]{1,256})"|_session_([A-Za-z0-9-]{8,64})\Z')
_MOST_TAGS = 16
_LONGEST = 128


def session_of(headers: Mapping[str, str], user: str) -> str:
    """The session a request belongs to; empty when nothing names one. ``user``: Anthropic's ``metadata.user_id``,
    OpenAI's ``user``."""
    for name in SESSION_HEADERS:
        value = headers.get(name)
        if value:
            return value[:256]
    if "session" in user:
        found = _IN_USER.search(user)
        if found:
            return found.group(1) or found.group(2)
    return ""


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
