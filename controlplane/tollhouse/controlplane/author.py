"""Who is writing: set where a key is checked, read where a write is recorded."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from tollhouse.controlplane.permissions import EVERYTHING, Permit


@dataclass(frozen=True, slots=True)
class Author:
    """A key by its name, its role, and the face it came through."""

    name: str = "unknown"
    role: str = ""
    via: str = ""
    """``rest``, ``grpc`` or ``console``."""
    address: str = ""


_UNKNOWN = Author()

author: ContextVar[Author] = ContextVar("author", default=_UNKNOWN)
"""Of the request this task serves."""

purpose: ContextVar[str] = ContextVar("purpose", default="")
"""What the write is, where its changes alone do not say it (``rollback to revision 12``)."""

permit: ContextVar[Permit] = ContextVar("permit", default=EVERYTHING)
"""What the identity this task serves may. The faces set it with the author; what the control plane does of itself has
no face and may everything."""
