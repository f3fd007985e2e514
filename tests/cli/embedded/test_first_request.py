"""The first request, against a simulator in the gateway's place."""

import pytest
from tollhouse.cli.client import Connection
from tollhouse.cli.embedded import first_request
from tollhouse.cli.failure import Failure
from tollhouse.cli.simulator import Simulator


async def test_answer_is_waited_for() -> None:
    """While the node warms up the request is tried again."""
    async with Simulator("openai", models=("*",)) as sim:
        sim.simulate(status=503, times=2)
        told = await first_request.ask(sim.url, "k")
        assert first_request.QUESTION in told.text
        assert sim.log.requests == 3


async def test_patience_ends_with_the_reason() -> None:
    """What the gateway said last is told."""
    async with Simulator("openai") as sim:
        with pytest.raises(Failure, match="404"):
            await first_request.ask(sim.url, "k", within_s=0.3)


async def test_silent_node_has_no_route() -> None:
    """The route is a courtesy: without an answer it is left out."""
    assert await first_request.route_of(Connection(timeout_s=5), "127.0.0.1:1", "k") == ""
