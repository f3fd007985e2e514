"""Requests that wait: for room in a window, for an operator's word; bounded, fair, and never past the limit."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import msgspec
import pytest
from tollhouse.dataplane.dispatch.money.waiting import waiting_of
from tollhouse.dataplane.spending import WAITED, Asked, Claim, Granted, Need

from tests.support.dispatching import instance
from tests.support.providers import Behaviour, Received, providers
from tests.support.till import ASK, GOOD, Till, usd

WORST = 0.0007
"""USD: one request fits, two do not."""


def slowly(delay_s: float) -> Behaviour:
    async def act(received: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(delay_s)
        await GOOD(received, writer)

    return act


class Operators:
    """Remembers what was asked, and answers."""

    def __init__(self, till: Till, url: str, budget: dict[str, Any]) -> None:
        self.needs: list[Need] = []
        self.answer = Asked("a1", "pending")
        self._till, self._url, self._budget = till, url, budget
        till.services.ask_operators = self.ask

    async def ask(self, need: Need) -> Asked:
        self.needs.append(need)
        return self.answer

    async def say(self, **approvals: dict[str, Any]) -> None:
        """The configuration as it is then."""
        now = int(time.time())
        asked = {"budget": "b", "key": "b", "unit": "usd", "opened_at": now, "expires_at": now + 60}
        told = {key: {"limit": "1", "suggested": "1", **asked, **value} for key, value in approvals.items()}
        route = {"uri": "/*", "plugins": {"ai-proxy-multi": {"instances": [instance("a", "openai", self._url)]}}}
        await self._till.load(routes={"r": route}, budgets={"b": self._budget}, approvals=told)


def code(got: Any) -> str:
    return str(json.loads(got.body)["error"]["code"])


async def until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.005)


async def test_a_request_waits_for_what_others_hold(till: Till) -> None:
    """Several at once go one after the other; each has what it needs; nothing is left behind."""
    budget = usd(str(WORST), on_exceed="queue", max_wait_s=5)
    async with providers(slowly(0.05)) as [first]:
        await Operators(till, first.url, budget).say()
        got = await asyncio.gather(*(till.ask(ASK) for _ in range(3)))
        assert [one.status for one in got] == [200, 200, 200]
        spent, held, _ = till.budgets.of("b")
        assert (spent, held) == (sum(one.ex.cost_nano for one in got), 0)
        assert waiting_of(till.services).lines == {}
        assert till.counted("tollhouse_budget_waiting") == {("b", "queue"): 0}


async def test_the_queue_has_a_length_and_an_end(till: Till) -> None:
    """Too many are told at once when to come again, too long ones in time; who leaves makes room."""
    budget = usd(str(WORST), on_exceed="queue", max_wait_s=1, max_waiting=1)
    async with providers(slowly(30)) as [first]:
        await Operators(till, first.url, budget).say()
        running = asyncio.create_task(till.ask(ASK))
        await until(lambda: till.budgets.of("b")[1])
        leaving = asyncio.create_task(till.ask(ASK))
        await until(lambda: waiting_of(till.services).lines)
        full = await till.ask(ASK)
        assert (full.status, code(full), "full" in full.body.decode()) == (429, "rate_limit_exceeded", True)
        assert int(full.header("retry-after")) >= 1
        assert full.reply.header("x-should-retry") is None
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        assert waiting_of(till.services).lines == {}
        late = await till.ask(ASK)
        assert (late.status, "while the request waited" in late.body.decode()) == (429, True)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_never_fits_does_not_wait(till: Till) -> None:
    """A request larger than the whole budget is refused at once, for good."""
    async with providers(GOOD) as [first]:
        await Operators(till, first.url, usd("0.0001", on_exceed="queue")).say()
        got = await till.ask(ASK)
        assert (got.status, code(got), got.header("x-should-retry")) == (429, "insufficient_quota", "false")


async def test_a_held_request_goes_on_when_it_is_granted(till: Till) -> None:
    """Operators see what for, not what it says; the grant is counted by itself and in the budget."""
    budget = usd("0.0001", on_exceed="escalate", max_wait_s=20)
    async with providers(GOOD) as [first]:
        operators = Operators(till, first.url, budget)
        await operators.say()
        held = asyncio.create_task(till.ask({**ASK, "tools": []}))
        await until(lambda: operators.needs)
        (need,) = operators.needs
        assert (need.key, need.unit, need.limit) == ("b", "usd", 100_000)
        assert (need.context["messages"], need.context["held"], need.context["target"]) == (1, True, "a")
        assert "Hi" not in str(need)
        await asyncio.sleep(0.05)
        assert not held.done()
        await operators.say(a1={"state": "approved", "granted": "0.01", "until": int(time.time()) + 60})
        got = await held
        assert got.status == 200
        assert till.budgets.of("~grant|a1")[0] == till.budgets.of("b")[0] == got.ex.cost_nano
        assert waiting_of(till.services).held == {}
        assert got.ex.state[WAITED] >= 0.05


async def test_a_grant_is_never_passed(till: Till) -> None:
    """Of twenty that wait, those go on that fit; the others ask again and are refused when it has taken too long."""
    budget = usd("0.0001", on_exceed="escalate", max_wait_s=2)
    async with providers(slowly(5)) as [first]:
        operators = Operators(till, first.url, budget)
        await operators.say()
        held = [asyncio.create_task(till.ask(ASK)) for _ in range(20)]
        await until(lambda: waiting_of(till.services).held.get("b") == 20)
        await operators.say(a1={"state": "approved", "granted": "0.002", "until": int(time.time()) + 60})
        await until(lambda: till.budgets.of("~grant|a1")[1])
        await asyncio.sleep(0.1)
        holds = till.budgets.of("~grant|a1")[1]
        assert 1_200_000 < holds <= 2_000_000
        for one in held:
            one.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        assert till.budgets.of("~grant|a1")[1] == till.budgets.of("b")[1] == 0


@pytest.mark.parametrize(
    ("approval", "told"),
    [
        ({"state": "denied", "note": "not today", "until": 1 << 33}, "not today"),
        ({"state": "approved", "granted": "1", "until": 1}, "no operator has answered"),
    ],
)
async def test_a_denial_ends_the_waiting_and_an_old_grant_is_none(till: Till, approval: Any, told: str) -> None:
    """The caller is told in words, and not to try again by itself."""
    budget = usd("0.0001", on_exceed="escalate", max_wait_s=1)
    async with providers(GOOD) as [first]:
        operators = Operators(till, first.url, budget)
        await operators.say(a1=approval)
        operators.answer = Asked("a2", "pending")
        got = await till.ask(ASK)
        assert (got.status, code(got), told in got.body.decode()) == (429, "insufficient_quota", True)


async def test_who_may_not_be_held_is_told_what_to_wait_for(till: Till) -> None:
    """With no time to wait, the approval is opened and named; where nobody can be asked, that is said."""
    async with providers(GOOD) as [first]:
        operators = Operators(till, first.url, usd("0.0001", on_exceed="escalate", max_wait_s=0))
        await operators.say()
        got = await till.ask(ASK)
        assert (got.status, got.header("x-tollhouse-approval")) == (429, "a1")
        operators.answer = Asked(problem="the control plane does not answer")
        assert "does not answer" in (await till.ask(ASK)).body.decode()


@pytest.mark.parametrize("how", ["shrink", "downgrade", "queue", "reject"])
async def test_each_way_is_as_hard_as_refusing_under_concurrency(till: Till, how: str) -> None:
    """Thirty at once: at no moment is more held than the limit; a shadow beside it refuses nothing and counts all."""
    budget = usd("0.002", on_exceed=how, **({"max_wait_s": 1} if how == "queue" else {}))
    most = 0
    take = till.budgets.take_all

    async def watched(reservation: str, claims: tuple[Claim, ...]) -> Granted:
        nonlocal most
        granted = await take(reservation, claims)
        most = max(most, sum(till.budgets.of("b")[:2]))
        return granted

    till.budgets.take_all = watched  # type: ignore[method-assign]
    async with providers(slowly(0.05)) as [first]:
        route = {"uri": "/*", "plugins": {"ai-proxy-multi": {"instances": [instance("a", "openai", first.url)]}}}
        shadow = usd("0.0001", shadow=True, thresholds=[100])
        await till.load(routes={"r": route}, budgets={"b": budget, "shadow": shadow})
        got = await asyncio.gather(*(till.ask(ASK) for _ in range(30)))
        passed = [one for one in got if one.status == 200]
        assert passed
        assert {one.status for one in got} <= {200, 429}
        assert 0 < most <= 2_000_000
        assert till.budgets.of("b")[1] == 0
        assert till.budgets.of("shadow")[0] == till.budgets.of("b")[0] == sum(one.ex.cost_nano for one in passed)
        assert [(one.budget, one.percent) for one in till.budgets.crossings if one.budget == "shadow"] == [
            ("shadow", 100)
        ]


@pytest.mark.parametrize("how", ["queue", "escalate"])
async def test_who_waits_is_judged_by_the_budgets_and_stops_of_now(till: Till, how: str) -> None:
    """A budget that was made larger lets them go on, a smaller one does not let them pass, and a kill switch ends the
    waiting before anything is sent."""
    seen: list[Any] = []

    async def act(received: Received, writer: asyncio.StreamWriter) -> None:
        seen.append(received)
        await GOOD(received, writer)

    async with providers(act) as [first]:
        route = {"uri": "/*", "plugins": {"ai-proxy-multi": {"instances": [instance("a", "openai", first.url)]}}}
        waits = {"on_exceed": how, "max_wait_s": 20}

        async def amount(text: str, **kinds: Any) -> None:
            await till.load(routes={"r": route}, budgets={"b": usd(text, **waits)}, **kinds)

        async def ask_operators(need: Need) -> Asked:
            return Asked("a1", "pending")

        till.services.ask_operators = ask_operators
        await amount("0.0007")
        hold = Claim("b", 600_000, 700_000, 0, 0, 0)
        span = next(iter(till.gateway.snapshot.budgets.all.values())).span(time.time())
        await till.budgets.take_all("x", (msgspec.structs.replace(hold, bucket=span.bucket),))
        asked = asyncio.create_task(till.ask(ASK))
        await until(lambda: till.counted("tollhouse_budget_waiting").get(("b", how)))
        if how == "escalate":
            await amount("0.0006")
            till.budgets.settle_all("x", ())
            await asyncio.sleep(0.05)
            assert not seen
            await amount("0.01")
            assert (await asked).status == 200
            return
        await amount("0.0007", stops={"all": {"everyone": True, "desc": "audit"}})
        till.budgets.settle_all("x", ())
        got = await asked
        assert (got.status, "stopped: audit" in got.body.decode(), seen) == (403, True, [])
