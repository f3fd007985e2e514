"""Finished exchanges, as logs and metrics find them."""

from __future__ import annotations

import json
from typing import Any

from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.exchange import Attempt, Exchange
from tollhouse.dataplane.gateway import Gateway
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.registry import protocols_by_name
from tollhouse.dataplane.reply import Reply

from tests.support.services import plain_services, request

ROUTE = {
    "uri": "/*",
    "plugins": {"key-auth": {"header": "x-agent", "query": "agent"}},
    "upstream": {"type": "roundrobin", "nodes": {"127.0.0.1:1": 1}},
}


async def finished_exchange(**parts: Any) -> Exchange:
    """An ordinary request that was answered after 50 ms."""
    gateway = Gateway(plain_services())
    await gateway.load(Batch(12, True, (RawObject("routes", "r1", json.dumps(ROUTE).encode(), 12, 12),)))
    ex = request(gateway.snapshot, parts.pop("path", "/a"), **parts)
    ex.route = gateway.snapshot.match(ex)
    assert ex.route is not None
    ex.pipeline = gateway.snapshot.pipeline(ex.route, None)
    ex.reply = Reply(200, [("content-type", "text/plain"), ("set-cookie", "sid=hush")])
    ex.reply_bytes = 5
    ex.attempts.append(Attempt("127.0.0.1:1", "", "", "", 1000.01, 1000.03, 1000.04, 200))
    return ex


async def finished_chat(*, payload: dict[str, Any] | None = None, **parts: Any) -> Exchange:
    """A chat whose first provider was overloaded and whose second answered."""
    body = json.dumps(payload or {"model": "asked", "messages": [{"role": "user", "content": "confidential"}]}).encode()
    ex = await finished_exchange(path="/v1/chat/completions", method="POST", body=body, **parts)
    ex.protocol = protocols_by_name()["openai_chat"]
    ex.body, ex.document = body, RequestDocument(body)
    ex.consumer_name = "jack"
    busy = UpstreamFailure("next", "overloaded", 529, "Overloaded")
    usage = Usage(input_tokens=100, cached_tokens=40, output_tokens=20)
    ex.attempts[:] = [
        Attempt("claude", "anthropic", "anthropic", "claude-x", 1000.0, None, 1000.1, 529, busy),
        Attempt("gpt", "openai", "openai", "gpt-x", 1000.1, 1000.2, 1000.5, 200, None, usage, 1_500_000),
    ]
    return ex
