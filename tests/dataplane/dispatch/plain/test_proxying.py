"""What is proxied as it is. The whole path is tested in test_upstream."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.dispatch.plain.nodes import NodeSet
from tollhouse.dataplane.dispatch.plain.proxying import proxied_target, reply_headers, request_headers
from tollhouse.proto.resources.upstream import Upstream

from tests.support.dispatching import Bench
from tests.support.services import request


async def test_plugins_edits_come_last(gate: Bench) -> None:
    """``proxy-rewrite`` decides on path, host and headers."""
    resource = Upstream.model_validate({"nodes": {"a:80": 1}, "pass_host": "node"})
    node = NodeSet(resource).nodes["a:80"]
    ex = request(gate.gateway.snapshot, "/x%2Fy?", headers={"x-forwarded-for": "1.1.1.1", "x-a": "1", "host": "h"})
    ex.upstream_host = "rewritten"
    ex.upstream_path = "/other?y=1"
    ex.upstream_headers = [("x-a", "2"), ("x-b", "3"), ("x-real-ip", None)]
    sent: dict[str, Any] = dict(request_headers(ex, resource, node))
    assert (sent["host"], sent["x-a"], sent["x-b"]) == ("rewritten", "2", "3")
    assert sent["x-forwarded-for"] == "1.1.1.1, 127.0.0.1"
    assert "x-real-ip" not in sent
    assert proxied_target(ex) == "/other?y=1"
    ex.upstream_path = None
    assert proxied_target(ex) == "/x%252Fy%3F"


@pytest.mark.parametrize(
    ("raw", "matched", "sent"),
    [
        ("/a%2Fb/c%20d", "/a/b/c d", "/a%2Fb/c%20d"),
        ("/a;x=1/%7Euser", "/a;x=1/~user", "/a;x=1/%7Euser"),
        ("/public/../admin", "/admin", "/admin"),
        ("/public/%2e%2e/admin", "/admin", "/admin"),
        ("/public%2F..%2Fadmin", "/admin", "/admin"),
        ("//admin", "/admin", "/admin"),
        ("/", "/", "/"),
    ],
)
async def test_the_clients_own_spelling_goes_on(gate: Bench, raw: str, matched: str, sent: str) -> None:
    """Unless an upstream could take it for another path than the one that was matched."""
    ex = request(gate.gateway.snapshot, matched, query="q=%41", raw_path=raw)
    assert proxied_target(ex) == f"{sent}?q=%41"


def test_framing_stays_with_its_connection() -> None:
    """The server frames anew; repeated headers stay repeated."""
    pairs = [("transfer-encoding", "chunked"), ("content-length", "1"), ("set-cookie", "a"), ("set-cookie", "b")]
    assert reply_headers(pairs) == [("set-cookie", "a"), ("set-cookie", "b")]
