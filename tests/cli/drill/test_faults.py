"""What can go wrong, and when."""

from __future__ import annotations

import pytest
from tollhouse.cli.drill.faults import FAULTS, schedule
from tollhouse.cli.failure import Failure
from tollhouse.cli.simulator import Script


def test_faults_come_one_after_another_with_calm_around_them() -> None:
    """Named ones in their order, else all of them."""
    phases = schedule(["storm", "down"], 6, 4)
    assert [phase.name for phase in phases] == ["calm", "storm", "calm", "down", "calm"]
    assert [phase.from_s for phase in phases] == [0, 4, 10, 14, 20]
    assert len(schedule([], 1, 1)) == 2 * len(FAULTS) + 1


def test_an_unknown_fault_is_named_with_those_there_are() -> None:
    """Before anything is started."""
    with pytest.raises(Failure, match="no fault 'fire'") as caught:
        schedule(["fire"], 1, 1)
    assert "storm" in caught.value.hint


def test_the_simulators_understand_every_fault() -> None:
    """Scripts are checked by the simulator's own schema."""
    for fault in FAULTS:
        Script().over(fault.script)
