"""A small drill with everything real: simulators, a node of two workers, agents."""

from __future__ import annotations

from pathlib import Path

from tollhouse.cli.drill.books import booked
from tollhouse.cli.drill.faults import FAULTS
from tollhouse.cli.drill.load import work
from tollhouse.cli.drill.rig import Rig


async def test_agents_do_not_notice_a_dead_provider(tmp_path: Path) -> None:
    """Every call is served before and during; all of it is in the books."""
    down = FAULTS[0]
    async with Rig(tmp_path) as rig:
        before = await work(rig.url, 20, 0.5)
        await rig.begin(down)
        during = await work(rig.url, 20, 1.0)
        assert all(call.whole for call in before + during)
        assert {call.target for call in before} == {"anthropic"}
        assert {call.target for call in during} == {"openai"}
        assert max(call.failover_s for call in during) < 1.0
    assert len(list(booked(rig.log))) == len(before + during)
