"""Breakers shared between the workers of a node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tollhouse.dataplane.dispatch.choosing.targets import Target, TargetStates
from tollhouse.dataplane.dispatch.setup.endpoints import build_endpoint
from tollhouse.dataplane.registry import provider_types
from tollhouse.dataplane.runtime.link.link import LinkError, encode_tell
from tollhouse.dataplane.runtime.link.messages import BreakerTold, Forced, ForceTarget
from tollhouse.dataplane.runtime.node.breakers import NodeBreakers, WorkerBreakers

from tests.support.services import StillClock

ENDPOINT = build_endpoint(provider_types()["openai"], "openai", environment={})
TARGET = Target("a", ENDPOINT, "m", key=f"{ENDPOINT.key}/m")


class OneLink:
    """Both ends of a link in one object: what is sent to it, its worker gets."""

    def __init__(self, breakers: WorkerBreakers | None = None) -> None:
        self.told: list[Any] = []
        self.breakers = breakers

    def tell(self, message: Any) -> None:
        self.told.append(message)

    def send_frame(self, frame: bytes) -> None:
        self.told.append(frame)

    async def ask(self, message: ForceTarget, answer: type, timeout_s: float) -> Any:
        assert self.breakers is not None
        return self.breakers.force(message)


class Worker:
    """A worker as the supervisor sees it."""

    def __init__(self) -> None:
        self.states = TargetStates(StillClock())
        self.up = OneLink()
        self.breakers = WorkerBreakers(self.states, lambda: self.up)  # type: ignore[arg-type,return-value]
        self.link = OneLink(self.breakers)
        self.ready = True
        self.states.of(TARGET)

    def fail(self, kind: str, times: int) -> None:
        state = self.states.of(TARGET)
        for _ in range(times):
            self.states.end(state, self.states.begin(state), kind, None, None)


class Crew:
    """Two of them."""

    def __init__(self) -> None:
        self.workers = [Worker(), Worker()]


def test_what_one_worker_finds_out_the_other_knows(tmp_path: Path) -> None:
    """Opened by its own traffic, told once, and closed again by the one whose probe went well."""
    crew: Any = Crew()
    node, (first, second) = NodeBreakers(crew, tmp_path / "targets.json"), crew.workers
    first.fail("server_error", 2)
    assert first.up.told == []
    first.fail("server_error", 1)
    [told] = first.up.told
    assert (told.opened, told.reason, told.account) == (True, "server_error", False)
    node.spread(first, told)
    assert first.link.told == []
    assert second.link.told == [encode_tell(told)]
    second.breakers.learn(told)
    assert not second.states.of(TARGET).permits(1000.0)
    second.states._clock.now += told.seconds
    second.fail("", 1)
    [closed] = second.up.told
    assert closed.opened is False
    first.breakers.learn(closed)
    assert first.states.of(TARGET).permits(1000.0)


def test_an_account_concerns_all_its_models() -> None:
    """A dead key found by one worker shuts the account for all, also where the model was never used."""
    crew: Any = Crew()
    first, second = crew.workers
    first.fail("auth", 1)
    [told] = first.up.told
    assert told.account
    second.breakers.learn(told)
    other = Target("b", ENDPOINT, "never-used", key=f"{ENDPOINT.key}/never-used")
    assert not second.states.of(other).permits(1000.0)


async def test_an_operators_word_holds_on_all_workers_and_later_ones(tmp_path: Path) -> None:
    """Open keeps it shut whatever its traffic does; a worker that starts later is told; reset ends it."""
    crew: Any = Crew()
    node = NodeBreakers(crew, tmp_path / "targets.json")
    assert await node.force("a", "open") == 1
    assert all(not one.states.of(TARGET).permits(1000.0, last_resort=True) for one in crew.workers)
    late: Any = Worker()
    node.brief(late)
    assert late.link.told == [ForceTarget("a", "open")]
    assert late.breakers.force(late.link.told[0]) == Forced(1)
    assert await node.force("a/m", "close") == 1
    crew.workers[0].fail("server_error", 9)
    assert crew.workers[0].states.of(TARGET).permits(1000.0)
    assert await node.force("a/m", "reset") == 1
    assert await node.force("nobody", "open") == 0


async def test_no_worker_no_word(tmp_path: Path) -> None:
    """Said, not swallowed."""
    crew: Any = Crew()
    crew.workers.clear()
    with pytest.raises(LinkError):
        await NodeBreakers(crew, tmp_path / "targets.json").force("a", "open")


def test_open_breakers_are_told_to_a_new_worker_with_the_time_left(tmp_path: Path) -> None:
    """Those whose time is over are not."""
    crew: Any = Crew()
    node = NodeBreakers(crew, tmp_path / "targets.json")
    node.spread(crew.workers[0], BreakerTold("k/m", False, True, "connect", 60.0))
    node.spread(crew.workers[0], BreakerTold("k/n", False, True, "connect", 0.0))
    late: Any = Worker()
    node.brief(late)
    [told] = late.link.told
    assert (told.key, told.opened) == ("k/m", True)
    assert 59 < told.seconds <= 60


async def test_an_operators_word_outlives_the_supervisor(tmp_path: Path) -> None:
    """It is told to the workers of the next one; a word taken back is not."""
    crew: Any = Crew()
    node = NodeBreakers(crew, tmp_path / "state" / "targets.json")
    await node.force("a", "open")
    await node.force("b", "close")
    await node.force("b", "reset")
    late: Any = Worker()
    NodeBreakers(crew, tmp_path / "state" / "targets.json").brief(late)
    assert late.link.told == [ForceTarget("a", "open")]
