"""Notices reach real listeners: retried while that can help, filtered, never with the address in the log."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.runtime.node import notifying
from tollhouse.dataplane.runtime.node.config_state import ConfigState
from tollhouse.dataplane.runtime.node.notifying import Notifying
from tollhouse.dataplane.spending import Crossing

from tests.support.services import PlainSecrets


class Listener:
    """A server that answers as told, one status after the other."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.bodies: list[Any] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append(json.loads(await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    made = Listener()
    app = web.Application()
    app.router.add_post("/secret-path", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/secret-path"
    yield made
    await runner.cleanup()


def notifying_with(**notifiers: dict[str, Any]) -> Notifying:
    state = ConfigState()
    puts = tuple(RawObject("notifiers", name, json.dumps(value).encode(), 1, 1) for name, value in notifiers.items())
    state.apply(Batch(1, True, puts))
    return Notifying(state, PlainSecrets({"$env://HOOK_SECRET": "s"}), "node-1")


def crossing(budget: str = "b", percent: int = 80) -> Crossing:
    return Crossing(budget, budget, 1, percent, percent, 100, "tokens")


async def done(one: Notifying) -> None:
    while one._running:
        await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifying, "PAUSES_S", (0.01, 0.01))


async def test_a_listener_in_trouble_is_told_again(listener: Listener) -> None:
    """The same delivery until it is taken."""
    listener.statuses = [500, 429]
    one = notifying_with(hook={"type": "webhook", "url": listener.url, "secret": "$env://HOOK_SECRET"})
    one.crossed(crossing())
    await done(one)
    assert len({body["delivery"] for body in listener.bodies}) == 1
    assert (len(listener.bodies), one.sent, one.given_up) == (3, 1, 0)


async def test_what_cannot_help_is_not_tried_again(listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    """A refusal is final; the log says so without the address."""
    listener.statuses = [404]
    one = notifying_with(hook={"type": "slack", "url": listener.url})
    one.crossed(crossing())
    await done(one)
    assert (len(listener.bodies), one.given_up) == (1, 1)
    assert "404" in caplog.text
    assert "secret-path" not in caplog.text


async def test_only_what_was_asked_for_is_told(listener: Listener) -> None:
    """By budget, and from a threshold on."""
    one = notifying_with(hook={"type": "webhook", "url": listener.url, "budgets": ["b"], "at_least": 80})
    for budget, percent in (("b", 50), ("other", 100), ("b", 80), ("b", 100)):
        one.crossed(crossing(budget, percent))
    await done(one)
    assert sorted(body["percent"] for body in listener.bodies) == [80, 100]


async def test_a_test_is_sent_once_and_says_what_went_wrong(listener: Listener) -> None:
    """An operator wants to know at once."""
    gone = {"type": "webhook", "url": "http://127.0.0.1:1/"}
    one = notifying_with(hook={"type": "webhook", "url": listener.url}, gone=gone, broken={"type": "webhook"})
    assert await one.test("hook") == ""
    assert listener.bodies[0]["event"] == "test"
    listener.statuses = [503]
    assert "503" in await one.test("hook")
    assert "cannot be reached" in await one.test("gone")
    for unknown in ("nobody", "broken"):
        with pytest.raises(KeyError):
            await one.test(unknown)
