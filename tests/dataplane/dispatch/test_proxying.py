"""What is proxied as it is. The whole path is tested in test_upstream."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.dispatch.nodes import NodeSet
from tollhouse.dataplane.dispatch.proxying import proxied_target, reply_headers, request_headers
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


def test_framing_stays_with_its_connection() -> None:
    """The server frames anew; repeated headers stay repeated."""
    pairs = [("transfer-encoding", "chunked"), ("content-length", "1"), ("set-cookie", "a"), ("set-cookie", "b")]
    assert reply_headers(pairs) == [("set-cookie", "a"), ("set-cookie", "b")]
