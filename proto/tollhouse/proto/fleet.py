"""What a data-plane node says of itself in etcd, under a lease that dies with it."""

from __future__ import annotations

import msgspec


class RefusedObject(msgspec.Struct, frozen=True):
    """An object a node could not take; it goes on with the last good version, or without it."""

    kind: str
    id: str
    mod_revision: int
    reason: str
    kept_revision: int = 0
    """The mod_revision of the version still served, 0 when there is none."""


class NodeRegistration(msgspec.Struct, frozen=True):
    """The JSON value under ``<fleet prefix>/nodes/<id>``."""

    id: str
    hostname: str
    version: str
    grpc_address: str
    """``host:port`` of the node's NodeService."""
    http_address: str
    """``host:port`` where agents send traffic."""
    started_at: float
    """Epoch seconds."""
    workers: int
    workers_alive: int
    applied_revision: int
    """Every live worker serves a snapshot that includes this etcd revision."""
    source: str = "etcd"
    """``etcd``, ``file``, or ``cache`` while the node serves its last good configuration from disk."""
    refused: tuple[RefusedObject, ...] = ()
    draining: bool = False


def encode_registration(node: NodeRegistration) -> bytes:
    """The value to put under ``node_key``."""
    return msgspec.json.encode(node)


def decode_registration(value: bytes) -> NodeRegistration:
    """Raises ``msgspec.DecodeError`` when the value is not a registration; unknown fields are ignored."""
    return msgspec.json.decode(value, type=NodeRegistration)
