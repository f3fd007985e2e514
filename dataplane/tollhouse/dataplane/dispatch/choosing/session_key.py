"""Which conversation a request belongs to, as far as prompt caches are concerned."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from tollhouse.dataplane.engine.prompt_text import texts_of
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.records.agent_hints import session_of

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_STATE = "session_key"
_BEGINNING = 4096
"""Characters of the instructions and of the first message that tell one conversation from another."""


def session_key(ex: Exchange, header: str | None = None) -> str:
    """The caller with the session a header names, else with the beginning of the conversation: turns of one share it,
    and it is the part that prompt caches hold."""
    name = f"{_STATE}:{header}" if header else _STATE
    known: str | None = ex.state.get(name)
    if known is None:
        known = ex.state[name] = f"{ex.consumer_name or ex.client_ip}/{_told(ex, header) or _beginning(ex)}"
    return known


def _told(ex: Exchange, header: str | None) -> str:
    if header:
        return (ex.headers.get(header) or "")[:256]
    return session_of(ex)


def _beginning(ex: Exchange) -> str:
    assert ex.document is not None
    digest = blake2b(digest_size=12)
    try:
        for text in texts_of(ex.document.get("system")):
            digest.update(text[:_BEGINNING].encode("utf-8", "replace"))
        messages = ex.document.get("messages")
    except ClientError:
        return ""
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict):
            continue
        digest.update("".join(texts_of(message.get("content")))[:_BEGINNING].encode("utf-8", "replace"))
        if message.get("role") == "user":
            break
    return digest.hexdigest()
