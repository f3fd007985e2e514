"""Nodes of upstreams. Balancing under traffic is tested in test_upstream."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.dispatch.plain.nodes import NodeSet
from tollhouse.proto.resources.upstream import Upstream


def nodes(previous: NodeSet | None = None, **fields: Any) -> NodeSet:
    """A compiled set."""
    return NodeSet(Upstream.model_validate(fields), previous)


def test_addresses_and_host_headers() -> None:
    """Default ports by scheme; IPv6 in brackets; the port only where it is not the scheme's."""
    made = nodes(scheme="https", nodes={"a.test": 1, "b.test:8443": 1, "[::1]:9": 1})
    assert [(node.name, node.host_header) for node in made.nodes.values()] == [
        ("a.test:443", "a.test"),
        ("b.test:8443", "b.test:8443"),
        ("[::1]:9", "[::1]:9"),
    ]
    assert made.nodes["[::1]:9"].origin.host == "::1"


def test_lower_priorities_come_after_and_the_sick_not_at_all() -> None:
    """Unless all are sick."""
    listed = [{"host": name, "weight": 1, "priority": rank} for name, rank in (("a", 0), ("b", 5), ("c", 5))]
    made = nodes(nodes=listed)
    order = [node.name for node in made.order(lambda name: name != "b:80", "", 0.5)]
    assert order == ["c:80", "a:80"]
    assert len(made.order(lambda name: False, "", 0.5)) == 3


def test_what_was_learned_outlives_an_edit() -> None:
    """Load and latency stay with the address; a changed scheme is another server."""
    before = nodes(nodes={"a:80": 1})
    before.nodes["a:80"].took(2.0)
    after = nodes(before, nodes={"a:80": 5})
    assert after.nodes["a:80"].latency_s == 2.0
    assert after.nodes["a:80"].weight == 5
    assert nodes(before, scheme="https", nodes={"a:80": 1}).nodes["a:80"].latency_s == 0
