"""What agents say of themselves, unasked: which program they are and which of its sessions a request belongs to.

Hints only: any client may write anything here, so nothing is decided by them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

SESSION_HEADERS = (
    "x-tollhouse-session",
    "x-claude-code-session-id",
    "session-id",
    "session_id",
    "thread-id",
    "x-session-id",
)
"""Ours, for clients that can be told; Claude Code, Codex (by two names), opencode and the frameworks that copy them."""

_LONGEST = 128


def agent_of(ex: Exchange) -> str:
    """The program: the first product of its user agent (``claude-cli/2.1.197``); empty when it does not say."""
    return _plain((ex.headers.get("user-agent") or "").partition(" ")[0])


def session_of(ex: Exchange) -> str:
    """The session: by header, or by what the body holds of it; empty when the client does not say."""
    for name in _named(tuple(ex.headers)):
        value = ex.headers.get(name)
        if value:
            return _plain(value)
    document = ex.document
    if document is None:
        return ""
    if "metadata" in document:
        found = _in_metadata(document.get("metadata"))
        if found:
            return _plain(found)
    key = document.get("prompt_cache_key") if "prompt_cache_key" in document else ""
    return _plain(key) if isinstance(key, str) else ""


@lru_cache(maxsize=4096)
def _named(names: tuple[str, ...]) -> tuple[str, ...]:
    """Which of the session headers are there. Clients send the same few names in every request: judged once."""
    lowered = {name.lower() for name in names}
    return tuple(name for name in SESSION_HEADERS if name in lowered)


def _in_metadata(metadata: Any) -> str:
    """Claude Code writes a JSON text into ``metadata.user_id``; older ones ``user_..._session_UUID``."""
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(user, str):
        return ""
    if user.startswith("{"):
        try:
            told = msgspec.json.decode(user)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return ""
        session = told.get("session_id") if isinstance(told, dict) else None
        return session if isinstance(session, str) else ""
    return user.rpartition("_session_")[2] if "_session_" in user else ""


def _plain(text: str) -> str:
    """Short, and without anything that could mislead in a log."""
    short = text[:_LONGEST]
    return short if short.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in short)
