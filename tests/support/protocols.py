"""Short ways to take requests and streams through the wire formats."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tollhouse.dataplane.chat import ChatRequest, Event
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.sse import EventReader
from tollhouse.dataplane.protocol import Encoded, Protocol, ReplyContext
from tollhouse.dataplane.registry import protocols_by_name

OPENAI = "openai_chat"
ANTHROPIC = "anthropic_messages"


def protocol(name: str) -> Protocol:
    """The one instance of a wire format."""
    return protocols_by_name()[name]


def document(body: dict[str, Any]) -> RequestDocument:
    """A request body."""
    return RequestDocument(json.dumps(body).encode())


def decoded(name: str, **fields: Any) -> ChatRequest:
    """A request in neutral form; ``model`` and ``messages`` have defaults."""
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}
    return protocol(name).decode_request(document(body))


def crossed(name: str, *, limit: int | None = None, **fields: Any) -> Encoded:
    """A request of one format as the other one's."""
    target = ANTHROPIC if name == OPENAI else OPENAI
    return protocol(target).encode_request(decoded(name, **fields), max_output_tokens=limit)


def written(name: str, events: Iterable[Event], **context: Any) -> list[Any]:
    """The JSON of the events an encoder writes; the end mark as a string."""
    encoder = protocol(name).stream_encoder(ReplyContext(**{"model": "m", **context}))
    raw = b"".join(map(encoder.encode, events))
    return [
        event.data.decode() if event.data == b"[DONE]" else json.loads(event.data) for event in EventReader().feed(raw)
    ]
