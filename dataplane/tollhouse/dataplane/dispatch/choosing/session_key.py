"""Which conversation a request belongs to, as far as prompt caches are concerned."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from tollhouse.dataplane.engine.prompt_text import opening_texts
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.records.agent_hints import session_of

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_STATE = "session_key"
_BEGINNING = 4096
"""Characters of each text at the beginning that tell one conversation from another."""


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
    return session_of(ex) or _kept(ex)


def _kept(ex: Exchange) -> str:
    """The conversation OpenAI keeps for the client, which then sends nothing of it but the newest turn."""
    assert ex.document is not None
    named = ex.document.get("conversation") if "conversation" in ex.document else None
    id = named.get("id") if isinstance(named, dict) else named
    return id[:256] if isinstance(id, str) else ""


def _beginning(ex: Exchange) -> str:
    assert ex.document is not None
    try:
        texts = opening_texts(ex.document)
    except ClientError:
        return ""
    digest = blake2b(digest_size=12)
    for text in texts:
        digest.update(text[:_BEGINNING].encode("utf-8", "replace"))
        digest.update(b"\0")
    return digest.hexdigest()
