"""What budgets do to requests: refuse, turn to cheaper models, shorten, only count; and what attempts leave behind."""

import asyncio
from typing import Any

import pytest

from tests.support.dispatching import chat, instance, message
from tests.support.providers import OPENAI_ERRORS, OPENAI_STREAM, answer, openai_reply, providers, silence, stream
from tests.support.till import ASK, GOOD, Till, configured, usd


async def test_the_truth_replaces_the_reservation_and_is_told(till: Till) -> None:
    """What is left stands in a header; the record says who, what and under which price."""
    async with providers(GOOD) as [first]:
        await configured(till, instance("a", "openai", first.url), budgets={"b": usd("0.001")})
        got = await till.ask(ASK, headers={"x-tollhouse-session": "s1", "x-tollhouse-tags": "team=x"})
        assert got.status == 200
        spent, held, doubt = till.budgets.of("b")
        assert (spent, held, doubt) == (got.ex.cost_nano, 0, 0)
        left = (1_000_000 - spent) / 1e9
        assert got.header("x-tollhouse-budget-remaining") == f"b={left:.9f}".rstrip("0") + " usd"
        (opened,), (closed,) = till.log.opened, till.log.closed
        assert (opened.session, opened.tags, opened.provider, opened.number) == ("s1", {"team": "x"}, "openai", 1)
        assert opened.price_source.startswith("genai-prices")
        assert opened.claims[0].units > 600_000
        assert (closed.id, closed.outcome, closed.cost_nano) == (opened.id, "ok", spent)


async def test_the_service_tier_that_is_told_is_charged_and_written_down(till: Till) -> None:
    """What was reserved at the dearer tier's rates is settled at the rates of the tier that was served."""
    reply = {**openai_reply("hello"), "service_tier": "priority"}
    async with providers(answer(200, reply)) as [first]:
        await configured(till, instance("a", "openai", first.url), budgets={"b": usd("1")})
        got = await till.ask(ASK)
        asked = await till.ask(chat(max_tokens=1000, service_tier="priority"))
        assert (got.status, asked.status) == (200, 200)
        (plain, dear), (closed, _) = till.log.opened, till.log.closed
        assert dear.claims[0].units > 1.6 * plain.claims[0].units
        assert closed.special is not None
        assert closed.special.tier == "priority"
        assert closed.cost_nano == 15 * 250 + 5 * 125 + 4 * 1000


async def test_choosing_the_cheaper_instance_saves(till: Till) -> None:
    """Against the dearest one beside it, at the same tokens; a single instance, and equal ones, save nothing."""
    async with providers(GOOD, GOOD) as [first, second]:
        cheap = instance("a", "openai", first.url, priority=1)
        dear = instance("b", "openai", second.url, options={"model": "gpt-4o"})
        await configured(till, cheap, dear, budgets={})
        await till.ask(ASK)
        await configured(till, cheap, budgets={})
        await till.ask(ASK)
        saved, alone = (one.routing_saved_nano for one in till.log.closed)
        assert (saved, alone) == ((15 * 2500 + 5 * 1250 + 4 * 10_000) - (15 * 150 + 5 * 75 + 4 * 600), 0)


async def test_where_no_record_goes_anywhere_only_what_budgets_need_is_written(till: Till) -> None:
    """A node without a control plane: what holds nothing leaves no record, what does is settled by its own."""
    till.log.shipped = False
    async with providers(GOOD) as [first]:
        await configured(till, instance("a", "openai", first.url), budgets={})
        assert (await till.ask(ASK)).status == 200
        assert not till.log.opened
        assert not till.log.closed
        await configured(till, instance("a", "openai", first.url), budgets={"b": usd("1")})
        assert (await till.ask(ASK)).status == 200
        assert [len(one.claims) for one in till.log.opened] == [1]
        assert len(till.log.closed) == 1


async def test_what_does_not_fit_is_refused_before_it_is_sent(till: Till) -> None:
    """In each client's own shape, with a sentence that says what is left."""
    async with providers(GOOD) as [first]:
        await configured(till, instance("a", "openai", first.url), budgets={"b": usd("0.0001", name="small one")})
        got = await till.ask(ASK)
        assert (got.status, got.json["error"]["type"]) == (429, "insufficient_quota")
        assert "'small one' of 0.0001 USD per day has 0.0001 left" in got.json["error"]["message"]
        assert (got.header("x-should-retry"), got.header("x-tollhouse-budget")) == ("false", "b")
        told = await till.ask(message(model="gpt-4o-mini", max_tokens=1000), "/v1/messages")
        assert (told.status, told.json["error"]["type"]) == (402, "billing_error")
        assert not first.received
        assert not till.log.opened
        assert till.budgets.of("b") == (0, 0, 0)


async def test_every_hop_is_asked_for_anew(till: Till) -> None:
    """The second target is dearer than what is left: refused, not sent; the first's failure cost nothing."""
    async with providers(answer(500, OPENAI_ERRORS[500]), GOOD) as [first, second]:
        dear = instance("b", "openai", second.url, options={"model": "gpt-4o"})
        cheap = instance("a", "openai", first.url, priority=1)
        await configured(till, cheap, dear, budgets={"b": usd("0.001")})
        got = await till.ask(ASK)
        assert got.status == 429
        assert len(first.received) >= 1
        assert not second.received
        assert till.budgets.of("b") == (0, 0, 0)
        assert {one.outcome for one in till.log.closed} == {"server_error"}


async def test_downgrading_goes_on_to_what_fits_and_free_models_stay_usable(till: Till) -> None:
    """First the targets of the route; then the model the budget names."""
    async with providers(GOOD, GOOD) as [first, second]:
        dear = instance("a", "openai", first.url, priority=1, options={"model": "gpt-4o"})
        local = instance("b", "openai-compatible", f"{second.url}/v1/chat/completions", options={"model": "qwen"})
        await configured(till, dear, local, budgets={"b": usd("0.0001", on_exceed="downgrade")})
        got = await till.ask(ASK)
        assert (got.status, got.header("x-tollhouse-target")) == (200, "b")
        assert not first.received

        budget = usd("0.0001", on_exceed="downgrade", downgrade_to="small")
        small = {"targets": [{"provider": "own", "model": "qwen"}]}
        own = {"type": "openai-compatible", "endpoint": f"{second.url}/v1/chat/completions"}
        await configured(till, dear, budgets={"b": budget}, models={"small": small}, providers={"own": own})
        got = await till.ask(ASK)
        assert (got.status, got.header("x-tollhouse-model")) == (200, "qwen")
        assert not first.received


async def test_shrinking_asks_for_a_shorter_answer(till: Till) -> None:
    """The limit sent is what is left; below the least the request is refused."""
    async with providers(GOOD) as [first]:
        budget = usd("0.0003", on_exceed="shrink", shrink_to_at_least=100)
        await configured(till, instance("a", "openai", first.url), budgets={"b": budget})
        assert (await till.ask(ASK)).status == 200
        sent = first.received[0].json
        limit = sent.get("max_tokens") or sent.get("max_completion_tokens")
        assert 100 <= limit < 1000
        assert till.log.opened[0].claims[0].units <= 300_000
        await configured(till, instance("a", "openai", first.url), budgets={"c": {**budget, "amount": "0.00001"}})
        assert (await till.ask(ASK)).status == 429


@pytest.mark.parametrize("fields", [{"shadow": True}, {"on_exceed": "alert"}])
async def test_budgets_that_only_count_let_through(till: Till, fields: dict[str, Any]) -> None:
    """And say what they would have refused."""
    async with providers(GOOD) as [first]:
        await configured(till, instance("a", "openai", first.url), budgets={"b": usd("0.000001", **fields)})
        assert (await till.ask(ASK)).status == 200
        assert till.budgets.of("b")[0] > 1000
        assert [one.percent for one in till.budgets.crossings] == [50, 80, 100]
        assert sum(till.counted("tollhouse_budget_refusals_total").values()) == 1


async def test_requests_count_once_however_many_hops(till: Till) -> None:
    """An iteration cap per session: the third is refused, another session is not."""
    bad = answer(500, OPENAI_ERRORS[500])
    async with providers(bad, GOOD) as [first, second]:
        cap = {"unit": "requests", "amount": 2, "window": "total", "scope": {"session": "each"}}
        targets = (instance("a", "openai", first.url, priority=1), instance("b", "openai", second.url))
        await configured(till, *targets, budgets={"loop": cap})
        statuses = [(await till.ask(ASK, headers={"session-id": "s1"})).status for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert (await till.ask(ASK, headers={"session-id": "s2"})).status == 200
        assert (await till.ask(ASK)).status == 200


async def test_a_client_that_leaves_is_charged_an_estimate_and_the_rest_is_doubt(till: Till) -> None:
    """What was read and received, marked; ``strict`` charges the whole reservation."""
    async with providers(stream(*OPENAI_STREAM[:2], 30.0)) as [first]:
        budgets = {"b": usd("1"), "s": usd("1", strict=True)}
        await configured(till, instance("a", "openai", first.url), budgets=budgets)
        reply, ex = await till.begin(chat(max_tokens=1000, stream=True))
        assert reply.stream is not None
        await anext(reply.stream)
        await reply.stream.aclose()  # type: ignore[attr-defined]
        till.gateway.finish(ex)
        (closed,), units = till.log.closed, till.log.opened[0].claims[0].units
        assert (closed.outcome, closed.estimated) == ("cancelled", True)
        assert till.budgets.of("b") == (closed.cost_nano, 0, units - closed.cost_nano)
        assert till.budgets.of("s") == (units, 0, units - closed.cost_nano)


async def test_a_client_that_leaves_before_the_answer_is_charged_for_the_question(till: Till) -> None:
    """The provider had the request; nothing stays held."""
    async with providers(silence()) as [first]:
        await configured(till, instance("a", "openai", first.url), budgets={"b": usd("1")})
        task = asyncio.create_task(till.begin(ASK))
        while not first.received:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (closed,) = till.log.closed
        assert closed.outcome == "cancelled"
        assert closed.input_tokens > 0
        assert till.budgets.of("b")[:2] == (closed.cost_nano, 0)


async def test_counts_that_cannot_be_had_refuse_or_let_through(till: Till) -> None:
    """By default no budget is passed in the dark."""
    async with providers(GOOD) as [first]:
        till.budgets.down = True
        await configured(till, instance("a", "openai", first.url), budgets={"b": usd("1")})
        got = await till.ask(ASK)
        assert (got.status, got.header("retry-after")) == (503, "5")
        await configured(till, instance("a", "openai", first.url), budgets={"b": usd("1", on_store_failure="allow")})
        assert (await till.ask(ASK)).status == 200


async def test_an_attempt_that_cannot_be_written_down_is_not_made(till: Till) -> None:
    """A full disk: 503, nothing sent, nothing held."""
    async with providers(GOOD) as [first]:
        till.log.full = True
        await configured(till, instance("a", "openai", first.url), budgets={"b": usd("1")})
        assert (await till.ask(ASK)).status == 503
        assert not first.received
        assert till.budgets.of("b") == (0, 0, 0)


async def test_a_price_nobody_knows_is_a_decision(till: Till) -> None:
    """Refused, estimated, or free: as the model says, and recorded so."""
    async with providers(GOOD) as [first]:
        url = f"{first.url}/v1/chat/completions"
        own = {"type": "openai-compatible", "endpoint": url, "auth": {"header": {"authorization": "Bearer x"}}}
        route = {"uri": "/*", "plugins": {"ai-proxy": {"provider": "openai"}}}
        for policy, status, source in (
            ("block", 403, ""),
            ("estimate", 200, "estimate"),
            ("free", 200, "free by policy"),
        ):
            model = {"targets": [{"provider": "own", "model": "mystery"}], "unknown_price": policy}
            budget = usd("1", on_exceed="downgrade", downgrade_to="m")
            await till.load(
                routes={"r": route},
                providers={"own": own},
                models={"m": model},
                budgets={"b": {**budget, "amount": "0.0000001"}, "all": usd("1")},
            )
            got = await till.ask(chat(max_tokens=1000))
            assert got.status == status or (policy == "estimate" and got.status == 429), got.body
            if source and got.status == 200:
                assert till.log.opened[-1].price_source == source


async def test_a_try_that_was_never_sent_does_not_use_up_a_request(till: Till) -> None:
    """The hop after it counts instead: a dead first target is no way around a cap on iterations."""
    async with providers(GOOD) as [second]:
        dead = instance("a", "openai", "http://127.0.0.1:9", priority=2)
        budget = {"unit": "requests", "amount": 2, "window": "day"}
        await configured(till, dead, instance("b", "openai", second.url, priority=1), budgets={"b": budget})
        got = [(await till.ask(ASK)).status for _ in range(3)]
        assert got == [200, 200, 429]
        assert till.budgets.of("b") == (2, 0, 0)
