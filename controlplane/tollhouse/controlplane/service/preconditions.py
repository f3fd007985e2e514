"""What a client says must hold for its write (``If-Match``, ``If-None-Match``, ``if_mod_revision``)."""

from __future__ import annotations

from tollhouse.controlplane.service.refusal import Fault, Refusal
from tollhouse.controlplane.store.objects import Stored

ONLY_IF_NEW = -1
"""``if_mod_revision``: only when there is none."""
ONLY_IF_THERE = -2
"""``if_mod_revision``: whatever it is, but there must be one."""


def check_precondition(found: Stored | None, if_mod_revision: int) -> None:
    """Raises Refusal when what the client said must hold does not."""
    now = found.mod_revision if found else 0
    if if_mod_revision == ONLY_IF_NEW:
        wanted, holds = "that there is none", not now
    elif if_mod_revision == ONLY_IF_THERE:
        wanted, holds = "that there is one", bool(now)
    else:
        wanted, holds = f"modifiedIndex {if_mod_revision}", if_mod_revision in (0, now)
    if not holds:
        is_now = f"the object's modifiedIndex is {now}" if now else "there is no such object"
        raise Refusal(Fault.PRECONDITION, f"precondition failed: the request asks for {wanted}, {is_now}")
