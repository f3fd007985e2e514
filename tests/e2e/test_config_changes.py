"""How fast a change is live, and that changes hurt nobody."""

import asyncio
import statistics
import time
from collections.abc import Callable

import aiohttp
import pytest

from tests.support.system import ADMIN_KEY, System

ECHO = {"uri": "/v1/chat/completions", "plugins": {"ai-proxy": {"provider": "openai"}}}
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def two_nodes(system: System) -> System:
    """The module's system with a second node."""
    if len(system.nodes) < 2:
        system.add_node()
    return system


async def put_route(http: aiohttp.ClientSession, system: System, number: int) -> None:
    """One Admin PUT; the number can be seen in the route's matching."""
    route = {"uri": f"/probe/{number}", "plugins": {"cors": {}}, "upstream": {"nodes": {"127.0.0.1:1": 1}}}
    headers = {"x-api-key": ADMIN_KEY}
    async with http.put(f"{system.admin_url}/routes/probe", json=route, headers=headers) as reply:
        assert reply.status in (200, 201), await reply.text()


async def test_second_node_shows_and_puts_are_soon_live_on_both(
    two_nodes: System, record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """From the PUT's start until all four workers have answered by it; the median is printed."""
    assert "node-2" in two_nodes.ctl("nodes").stdout
    taken = []
    async with aiohttp.ClientSession() as http:

        async def live(url: str, number: int) -> None:
            # CORS answers the preflight itself: 200 from a worker with the new route, 404 from one without. Each
            # request has a connection of its own, so the workers of a node take turns; several in a row are both.
            good = 0
            headers = {"connection": "close", "origin": "http://a", "access-control-request-method": "GET"}
            while good < 6:
                async with http.options(f"{url}/probe/{number}", headers=headers) as reply:
                    good = good + 1 if reply.status == 200 else 0

        for number in range(20):
            begun = time.perf_counter()
            await put_route(http, two_nodes, number)
            await asyncio.gather(*(live(node.url, number) for node in two_nodes.nodes[:2]))
            taken.append((time.perf_counter() - begun) * 1000)
            await asyncio.sleep(0.1)  # changes in quick succession are gathered on purpose
    median = statistics.median(taken)
    record_property("put_to_live_ms_median", median)
    with capsys.disabled():
        print(f"\nPUT to live on two nodes with two workers: median {median:.0f} ms, worst {max(taken):.0f} ms")


async def test_changes_under_load_fail_no_request(two_nodes: System) -> None:
    """A thousand config changes while requests run: every request is answered."""
    two_nodes.put("routes/load", ECHO)
    failed: list[str] = []
    answered = 0
    changing = True

    async with aiohttp.ClientSession() as http:

        async def load(url: str) -> None:
            nonlocal answered
            while changing:
                async with http.post(f"{url}/v1/chat/completions", json=CHAT) as reply:
                    text = await reply.text()
                    answered += 1
                    if reply.status != 200:
                        failed.append(f"{reply.status} {text}")

        loads = [asyncio.create_task(load(node.url)) for node in two_nodes.nodes[:2] for _ in range(2)]
        for number in range(1000):
            await put_route(http, two_nodes, number)
        changing = False
        await asyncio.gather(*loads)
    two_nodes.admin_call("DELETE", "routes/load")
    assert failed == []
    assert answered > 50
