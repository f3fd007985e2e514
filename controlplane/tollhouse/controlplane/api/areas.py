"""Which permission an address of the Admin API needs that is no object's; objects are looked at where they are read."""

from __future__ import annotations

from collections.abc import Mapping

from tollhouse.controlplane.api.routing import Target
from tollhouse.controlplane.author import permit
from tollhouse.controlplane.permissions import ANYTHING
from tollhouse.controlplane.service.refusal import Fault, Refusal

_TOLD_TO_ALL = frozenset({"schema", "plugins", "configs", "openapi.json"})


def check(method: str, target: Target, query: Mapping[str, str]) -> None:
    """Raises Refusal when the identity of this request may not use the address."""
    allowed = permit.get()
    if target.resource in _TOLD_TO_ALL:
        allowed.require("read", ANYTHING)
    elif target.resource == "spend":
        allowed.require("read" if method == "GET" else "write", "spend")
        if allowed.groups:
            check_spend(query.get("group", "") if method == "GET" else "")
    elif target.resource == "audit":
        check_audit()


def check_spend(group: str) -> None:
    """Raises Refusal unless the question is about one of the groups the identity is narrowed to, where it is."""
    allowed = permit.get()
    if allowed.groups and group not in allowed.groups:
        groups = " or ".join(sorted(allowed.groups))
        raise Refusal(Fault.DENIED, f"this identity sees the spend of its consumer groups; ask with group={groups}")


def check_audit() -> None:
    """Raises Refusal unless the identity may read all of the audit trail."""
    allowed = permit.get()
    allowed.require("read", "audit")
    if allowed.groups:
        raise Refusal(Fault.DENIED, "the audit trail tells of every consumer group; this identity is narrowed to some")
