"""The kill switch under load: two nodes, four workers, agents that never pause, the providers' logs as the judge."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.support.money import AGENTS, Crowd, calls, configure, remember_all
from tests.support.system import System


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Two nodes."""
    system = System(tmp_path_factory.mktemp("stopped"))
    try:
        yield system.start(2)
    finally:
        system.close()


async def test_nothing_of_who_is_stopped_reaches_a_provider_a_second_later(fleet: System) -> None:
    """From no worker of any node; others go on; resume lets it in again."""
    configure(fleet)
    remember_all(fleet)
    fleet.simulators.openai.simulate(tokens=5, token_ms=2)
    crowd, over = Crowd(fleet), asyncio.Event()
    running = asyncio.create_task(crowd.run(40, 100_000, over))

    def of_agent(number: int) -> int:
        return sum(count for (session, _), count in calls(fleet).items() if int(session[2:]) % AGENTS == number)

    try:
        await asyncio.sleep(1)
        assert of_agent(0)
        put = fleet.admin_call
        status, _ = await asyncio.to_thread(put, "PUT", "stops/one", {"consumer": "agent0", "desc": "it loops"})
        assert status == 201
        await asyncio.sleep(1)
        reached, others = of_agent(0), of_agent(1)
        deadline = time.monotonic() + 10
        while of_agent(1) == others and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        assert of_agent(0) == reached
        assert of_agent(1) > others
        assert crowd.statuses[403] > 5
        await asyncio.to_thread(put, "DELETE", "stops/one")
        deadline = time.monotonic() + 10
        while of_agent(0) == reached:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
    finally:
        over.set()
        await asyncio.wait_for(running, 60)
