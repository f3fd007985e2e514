"""The etcd key layout, in one place.

``<prefix>/<dir>/<id>`` holds one object as JSON, exactly as APISIX lays it out; the prefix is ``/apisix`` unless
configured. What data planes write about themselves lives under a prefix of its own, so that their etcd user can be
read-only on the configuration.
"""

from __future__ import annotations

DEFAULT_PREFIX = "/apisix"
"""Where the configuration lives."""

DEFAULT_FLEET_PREFIX = "/tollhouse"
"""Where nodes register themselves; the control plane also keeps its generation counter here."""

PLACEHOLDER = "init_dir"
"""APISIX writes ``<prefix>/<dir>/`` = ``init_dir`` for each directory; readers skip such keys."""


def directory(prefix: str, kind: str) -> str:
    """The key prefix of all objects of a kind, with the closing slash."""
    return f"{prefix}/{kind}/"


def object_key(prefix: str, kind: str, object_id: str) -> str:
    """The key of one object; a credential's id is ``<username>/credentials/<id>``, a secret's ``<manager>/<id>``."""
    return f"{prefix}/{kind}/{object_id}"


def split_key(prefix: str, key: str) -> tuple[str, str] | None:
    """``(kind, id)`` of a key under the prefix, or None for placeholders and keys that hold no object.

    Credentials live under ``consumers/`` in etcd but are a kind of their own: ``("credentials", "<username>/<id>")``.
    """
    if not key.startswith(prefix + "/"):
        return None
    kind, _, object_id = key[len(prefix) + 1 :].partition("/")
    if not object_id:
        return None
    if kind == "consumers" and "/credentials/" in object_id:
        username, _, credential_id = object_id.partition("/credentials/")
        return ("credentials", f"{username}/{credential_id}") if credential_id else None
    return kind, object_id


def gen_id_key(prefix: str) -> str:
    """Written on every POST; the returned revision, padded to 20 digits, becomes the new object's id (APISIX)."""
    return f"{prefix}/gen_id"


def generation_key(fleet_prefix: str) -> str:
    """Bumped by every admin write, so that a delete or an apply can be made conditional on "nothing changed since"."""
    return f"{fleet_prefix}/generation"


def audit_ends_key(fleet_prefix: str) -> str:
    """Where the control plane writes down how far each chain of the audit trail went: not where the trail is kept."""
    return f"{fleet_prefix}/audit/ends"


def identities_directory(fleet_prefix: str) -> str:
    """Where the control plane keeps who owns which caller's key: an index of consumers and credentials."""
    return f"{fleet_prefix}/identities/"


def identity_key(fleet_prefix: str, plugin: str, digest: str) -> str:
    """The index entry of one caller's key; it holds ``<kind>/<id>`` of the object that owns it."""
    return f"{fleet_prefix}/identities/{plugin}/{digest}"


def history_directory(fleet_prefix: str) -> str:
    """Where the control plane keeps what every write changed, and who wrote it."""
    return f"{fleet_prefix}/history/"


def nodes_directory(fleet_prefix: str) -> str:
    """Where data-plane nodes register under a lease."""
    return f"{fleet_prefix}/nodes/"


def node_key(fleet_prefix: str, node_id: str) -> str:
    """The registration of one node: see ``tollhouse.proto.fleet``."""
    return f"{fleet_prefix}/nodes/{node_id}"
