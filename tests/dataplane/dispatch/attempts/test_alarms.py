"""What people hear of from attempts: once, with names and without secrets."""

from __future__ import annotations

from tollhouse.dataplane.spending import Alert

from tests.support.dispatching import bench, chat, instance
from tests.support.providers import answer, openai_reply, providers


async def test_a_key_that_is_refused_is_told_once() -> None:
    """Which target of which provider, not which key."""
    told: list[Alert] = []
    refusing = answer(401, {"error": {"message": "no"}})
    async with bench() as made, providers(refusing) as [first]:
        made.services.alert = told.append
        await made.multi(instance("a", "openai", first.url))
        for _ in range(2):
            assert (await made.ask(chat())).status >= 400
    assert [one.event for one in told] == ["dead_key"]
    assert told[0].details["status"] == 401
    assert "sk-" not in str(told[0])


async def test_a_price_nobody_knows_is_told() -> None:
    """With what is done about it."""
    told: list[Alert] = []
    async with bench() as made, providers(answer(200, openai_reply("hello"))) as [first]:
        from tests.support.till import PlainBudgets, PlainLog

        made.services.alert = told.append
        made.services.budgets, made.services.attempt_log = PlainBudgets(), PlainLog()
        await made.multi(instance("a", "openai", first.url))
        await made.ask(chat(model="nobody-knows-this"))
        await made.ask(chat(model="nobody-knows-this"))
    assert [one.event for one in told] == ["unknown_price"]
    assert told[0].details["model"] == "nobody-knows-this"
