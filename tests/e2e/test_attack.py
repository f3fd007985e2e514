"""The red team of ``make attack`` against a running system: what concerns callers, content and the configuration.

The wire is attacked in tests/dataplane/runtime/server, without waiting for silence.
"""

from __future__ import annotations

from pathlib import Path

from tests.attack import callers, configuration, content, formats, identities
from tests.attack.red_team import own_system, run
from tests.attack.target import KEY, Target


def test_the_red_team_gets_nowhere(tmp_path: Path) -> None:
    """Every attack is held."""
    system = own_system(tmp_path)
    target = Target(system.node.url, KEY, system)
    try:
        run(target, (identities, callers, content, formats, configuration))
    finally:
        system.close()
    assert len(target.held) > 25
    assert [(name, told) for name, held, told in target.held if not held and not name.startswith("timing")] == []
