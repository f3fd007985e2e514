"""Why the service layer said no: one family, which REST turns into a status and gRPC into a code."""

from __future__ import annotations

from enum import Enum


class Fault(Enum):
    """What kind of no it is."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    """The key is known, it only reads (APISIX's viewer)."""
    DENIED = "denied"
    """The identity is known, and may not do this."""
    SLOWED = "slowed"
    """Too many wrong keys came from there, or begin so; nothing was looked at."""
    NOT_FOUND = "not found"
    UNSUPPORTED = "unsupported"
    """The kind does not have the verb."""
    STILL_USED = "still used"
    PRECONDITION = "precondition"
    """What the client said must hold (If-Match) does not."""
    LOST_RACE = "lost race"
    """Others wrote at the same time, again and again; trying again is right."""
    COMPACTED = "compacted"
    """The revision asked for is no longer kept."""
    UNAVAILABLE = "unavailable"
    """etcd does not answer."""


class Refusal(Exception):
    """A request that was not carried out. ``text`` is what REST shows as ``error_msg``, and is safe to show."""

    def __init__(self, fault: Fault, text: str, retry_after_s: float = 0.0) -> None:
        super().__init__(text)
        self.fault = fault
        self.text = text
        self.retry_after_s = retry_after_s
        """When trying again makes sense; 0: nobody knows."""


class KeyNotFound(Refusal):
    """There is no such object; REST shows APISIX's ``message`` instead of ``error_msg``."""

    def __init__(self) -> None:
        super().__init__(Fault.NOT_FOUND, "Key not found")


def invalid(text: str) -> Refusal:
    """The request is at fault."""
    return Refusal(Fault.INVALID, text)
