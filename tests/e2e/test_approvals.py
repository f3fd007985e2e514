"""Asking for more, against a running system: the request that waits, the operator, and the answer."""

from __future__ import annotations

from tests.support.system import System


def test_operators_decide_at_the_command_line(system: System) -> None:
    """What does not exist cannot be decided; times must be times."""
    assert "there are no approvals" in system.ctl("approvals", "list", "--budget", "nobodys").stderr
    assert system.ctl("approvals", "approve", check=False).returncode == 2
    assert system.ctl("approvals", "approve", "x", "--for", "soon", check=False).returncode == 2
    assert system.ctl("approvals", "deny", "0123456789", check=False).returncode == 1
