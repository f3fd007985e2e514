"""Probing. How traffic follows it is tested in test_upstream."""

from __future__ import annotations

import asyncio

from tollhouse.dataplane.dispatch.plain.health import HealthChecker, Probed
from tollhouse.dataplane.transport import Origin
from tollhouse.proto.resources.upstream import ActiveCheck

from tests.support.dispatching import Bench
from tests.support.providers import FakeProvider, answer, providers, silence


def checker(gate: Bench, fake: FakeProvider, **fields: object) -> HealthChecker:
    """A checker of one node, one failure of any kind is enough."""
    once = {"http_failures": 1, "tcp_failures": 1, "timeouts": 1}
    check = ActiveCheck.model_validate({"unhealthy": once, "healthy": {"successes": 1}, **fields})
    node = Probed("n", Origin("http", "127.0.0.1", int(fake.url.rsplit(":", 1)[1])), "node.test")
    return HealthChecker({"n": node}, check, None, gate.services, "test")


async def turns_sick(one: HealthChecker) -> None:
    """Wait for it."""
    one.start()
    for _ in range(300):
        if not one.healthy("n"):
            one.stop()
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it stayed healthy")


async def test_a_bad_status_a_closed_port_and_silence_are_sick(gate: Bench) -> None:
    """Each by its own threshold."""
    async with providers(answer(500, {}), answer(200, {}), silence()) as [bad, closed, slow]:
        await closed.stop()
        await turns_sick(checker(gate, bad))
        assert bad.received[0].headers["host"] == "node.test"
        await turns_sick(checker(gate, closed))
        await turns_sick(checker(gate, closed, type="tcp"))
        await turns_sick(checker(gate, slow, timeout=0.05))


async def test_what_is_not_watched_is_healthy(gate: Bench) -> None:
    """An unknown node, and one that has not been probed yet."""
    async with providers(answer(200, {})) as [fake]:
        one = checker(gate, fake)
        assert one.healthy("stranger")
        assert one.healthy("n")
        assert list(one.status()) == ["n"]
        one.stop()
        one.start()
        assert not fake.received
