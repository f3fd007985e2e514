"""Which identities may call which methods of a node's gRPC port: the ``admins`` objects, as the configuration has them.

The node follows the configuration anyway, so a key is good here, or no longer, as soon as it is on the control plane.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import msgspec
from pydantic import ValidationError
from tollhouse.dataplane.config.objects import RawObject
from tollhouse.proto.resources.admin import Admin

Need = Literal["read", "write", "money", "count"]

_NEEDS: dict[str, Need] = {"SetTarget": "write", "TestNotifier": "money", "RebuildBudgets": "money", "Count": "count"}
"""Methods that do more than tell; all others are ``read``."""

_ROLES: dict[str, frozenset[Need]] = {
    "admin": frozenset(("read", "write", "money", "count")),
    "operator": frozenset(("read", "write")),
    "finance": frozenset(("read", "money")),
    "approver": frozenset(("read",)),
    "viewer": frozenset(("read",)),
    "node": frozenset(("count",)),
}


class Callers:
    """Looks keys up. One per node."""

    def __init__(self, admins: Callable[[], Iterable[RawObject]], now: Callable[[], float]) -> None:
        """``admins`` gives the objects as they are now; ``now`` epoch seconds."""
        self._admins = admins
        self._now = now

    def find(self, digest: str) -> Admin | None:
        """Whose key has this SHA-256 (hex); None for nobody's, and for one that is over or switched off."""
        found = None
        for admin in self._known():  # all of them, so that the time does not tell which one was near
            for key in admin.keys:
                good = not key.expires_at or key.expires_at > self._now()
                if hmac.compare_digest(key.key.removeprefix("sha256:"), digest) and good and admin.status:
                    found = admin
        return found

    def _known(self) -> Iterator[Admin]:
        for one in self._admins():
            try:
                yield Admin.model_validate(msgspec.json.decode(one.value))
            except (ValidationError, ValueError, RecursionError):
                continue  # the control plane told whoever wrote it


def refusal(admin: Admin, method: str) -> str:
    """Why an identity may not call a method (``/package.Service/Method``); empty when it may."""
    need = _NEEDS.get(method.rpartition("/")[2], "read")
    if need not in _ROLES[admin.role]:
        return f"the role {admin.role} may not call {method.rpartition('/')[2]} on a node"
    if admin.consumer_groups:
        return "a node tells of all consumers; this identity is narrowed to groups, ask the control plane"
    area, verb = ("budgets" if need == "money" else "nodes"), ("read" if need == "read" else "write")
    if admin.kinds and area not in admin.kinds:
        return f"this identity is narrowed to other kinds; {area!r} is none of them"
    if admin.verbs and verb not in admin.verbs:
        return f"this identity is narrowed to other verbs; {verb!r} is none of them"
    return ""
