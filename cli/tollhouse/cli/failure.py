"""How a command ends: the exit codes, and the one exception that carries them."""

from __future__ import annotations

OK = 0
"""Done."""
REFUSED = 1
"""Understood and refused: an invalid document, an unknown object, a missing permission, a check that failed."""
USAGE = 2
"""The command line makes no sense."""
UNREACHABLE = 3
"""The control plane, a node or the gateway cannot be reached."""
NOT_LIVE = 4
"""Written, but not served by every node within the time given."""


class Failure(Exception):
    """The end of a command: what happened, what to do about it, and the exit code."""

    def __init__(self, message: str, hint: str = "", code: int = REFUSED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
