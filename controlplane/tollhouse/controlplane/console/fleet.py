"""Nodes for the console, as they registered themselves."""

from __future__ import annotations

from typing import Any


def node_view(node: Any) -> dict[str, Any]:
    """A node as it registered itself."""
    fields = (
        *("id", "hostname", "version", "http_address", "grpc_address", "started_at", "workers", "workers_alive"),
        *("applied_revision", "source", "draining"),
    )
    told = {name: getattr(node, name) for name in fields}
    told["refused"] = [
        {"kind": one.kind, "id": one.id, "reason": one.reason, "kept_revision": one.kept_revision}
        for one in node.refused
    ]
    return told
