"""Which conversation a request belongs to."""

from __future__ import annotations

import json
from typing import Any

from tollhouse.dataplane import registry
from tollhouse.dataplane.dispatch.choosing.session_key import session_key
from tollhouse.dataplane.document import RequestDocument

from tests.support.dispatching import Bench, chat
from tests.support.services import request


def key(gate: Bench, body: Any, header: str | None = None, **headers: str) -> str:
    """The key of a request."""
    raw = json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    ex = request(gate.gateway.snapshot, headers=named, body=raw)
    ex.body, ex.document, ex.protocol = raw, RequestDocument(raw), registry.protocols_by_name()["openai_chat"]
    return session_key(ex, header)


async def test_turns_of_one_conversation_share_it(gate: Bench) -> None:
    """By its beginning, whatever follows; another beginning is another one."""
    first = chat("Fix the bug")
    later = {**first, "messages": [*first["messages"], {"role": "assistant", "content": "ok"}, *chat("x")["messages"]]}
    assert key(gate, first) == key(gate, later)
    assert key(gate, first) != key(gate, chat("Write a test"))


async def test_what_the_client_says_outweighs(gate: Bench) -> None:
    """Headers agents send, or the one the operator names."""
    assert key(gate, chat("a"), x_session_id="s1") == key(gate, chat("b"), x_session_id="s1")
    assert key(gate, chat("a"), "x-chat", x_chat="7") == key(gate, chat("b"), "x-chat", x_chat="7")
    assert key(gate, chat("a"), "x-chat", x_session_id="7") != key(gate, chat("b"), "x-chat", x_session_id="7")
