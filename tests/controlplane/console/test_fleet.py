"""A node is shown as it registered itself."""

from __future__ import annotations

from tollhouse.controlplane.console.fleet import node_view
from tollhouse.proto.fleet import NodeRegistration, RefusedObject


def test_what_a_node_refuses_is_told() -> None:
    """With the version it serves instead."""
    refused = (RefusedObject("routes", "1", 7, "it is broken", 3),)
    told = node_view(NodeRegistration("a", "h", "1", "127.0.0.1:1", "x", 0.0, 2, 1, 7, refused=refused))
    assert (told["id"], told["workers_alive"], told["applied_revision"]) == ("a", 1, 7)
    assert told["refused"] == [{"kind": "routes", "id": "1", "reason": "it is broken", "kept_revision": 3}]
