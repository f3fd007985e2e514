"""Charging what a provider kept once, however often it is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.dispatch.money.kept import KeptAnswers
from tollhouse.proto.catalog import lookup, source

from tests.support.dispatching import Bench, bench, instance
from tests.support.providers import answer, providers
from tests.support.services import request
from tests.support.till import PlainLog, Till, configured, usd

USAGE = {"input_tokens": 1000, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 100}
BATCH = {"id": "batch_1", "object": "batch", "status": "completed", "model": "gpt-4o", "usage": USAGE}


async def read(gate: Bench, path: str) -> Any:
    """The exchange, when it is through."""
    ex = request(gate.gateway.snapshot, path, method="GET", body=b"")
    reply = await gate.gateway.answer(ex)
    gate.gateway.finish(ex)
    assert reply.status == 200
    return ex


async def test_a_batch_costs_what_its_model_costs_the_first_time() -> None:
    """Later readings cost nothing here; the record names batch, model and prices each time, for the ledger to judge."""
    price = lookup("openai", "gpt-4o").price
    assert price is not None
    batch = price.service("batch").base
    nano = (1000 * batch.input + 100 * batch.output) // 1_000_000
    async with bench() as gate, providers(answer(200, BATCH)) as [fake]:
        gate.services.attempt_log = log = PlainLog()
        await gate.multi(instance("a", "openai", fake.url))
        first, second = await read(gate, "/v1/batches/batch_1"), await read(gate, "/v1/batches/batch_1")
    assert (first.cost_nano, second.cost_nano) == (nano, 0)
    assert {(one.model, one.price_source) for one in log.opened} == {("", "")}
    for closed in log.closed:
        assert closed.special is not None
        told = closed.special
        assert (told.answer, told.kept, told.tier, told.model) == ("batch_1", "read", "batch", "gpt-4o")
        assert (told.price_source, closed.cost_nano, closed.input_tokens) == (source(), nano, 1000)


async def test_a_stored_response_was_charged_when_it_was_made() -> None:
    """Reading it costs nothing, and the record says what it would have."""
    reply = {"id": "resp_1", "status": "completed", "background": False, "model": "gpt-4o", "usage": USAGE}
    async with bench() as gate, providers(answer(200, reply)) as [fake]:
        gate.services.attempt_log = log = PlainLog()
        await gate.multi(instance("a", "openai", fake.url))
        ex = await read(gate, "/v1/responses/resp_1")
    assert ex.cost_nano == 0
    assert log.closed[0].special is not None
    assert (log.closed[0].special.kept, log.closed[0].cost_nano) == ("mend", 1000 * 2500 + 100 * 10_000)


async def test_each_model_of_a_batch_costs_what_it_costs() -> None:
    """However few tokens went to the dearer one."""
    lines = [("claude-haiku-4-5", 3000, 0), ("claude-opus-4-5", 1000, 100)]
    body = b"".join(
        json.dumps(
            {"result": {"message": {"model": model, "usage": {"input_tokens": read, "output_tokens": wrote}}}}
        ).encode()
        + b"\n"
        for model, read, wrote in lines
    )
    nano = 0
    for model, read_tokens, wrote in lines:
        price = lookup("anthropic", model).price
        assert price is not None
        batch = price.service("batch").base
        nano += (read_tokens * batch.input + wrote * batch.output) // 1_000_000
    async with bench() as gate, providers(answer(200, body, {"content-type": "application/x-jsonl"})) as [fake]:
        gate.services.attempt_log = log = PlainLog()
        await gate.multi(instance("a", "anthropic", fake.url))
        ex = await read(gate, "/v1/messages/batches/msgbatch_1/results")
    assert (ex.cost_nano, log.closed[0].cost_nano) == (nano, nano)
    assert log.closed[0].special is not None
    assert (log.closed[0].special.model, log.closed[0].special.parts) == ("claude-haiku-4-5", ())


async def test_files_cost_nothing() -> None:
    """Though their lines hold usage."""
    async with bench() as gate, providers(answer(200, {"usage": USAGE})) as [fake]:
        gate.services.attempt_log = log = PlainLog()
        await gate.multi(instance("a", "openai", fake.url))
        ex = await read(gate, "/v1/files/file-1/content")
    assert ex.cost_nano == 0
    assert (log.closed[0].cost_nano, log.closed[0].special) == (0, None)


MAKE = {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}


@pytest.mark.parametrize(
    ("budget", "refused"),
    [
        (usd("5"), True),
        (usd("5", scope={"model": "gpt-5"}), True),
        (usd("5", scope={"provider": "openai", "model": "each"}), True),
        (usd("5", on_exceed="queue"), True),
        ({"unit": "tokens", "amount": 10, "window": "total"}, True),
        (usd("5", allow_batches=True), False),
        (usd("5", shadow=True), False),
        (usd("5", on_exceed="alert"), False),
        (usd("5", scope={"provider": "anthropic"}), False),
        ({"unit": "requests", "amount": 9, "window": "total"}, False),
    ],
)
async def test_no_batch_is_made_where_a_budget_must_hold(till: Till, budget: dict[str, Any], refused: bool) -> None:
    """What it will cost stands in a file only the provider has; the refusal names budget and remedy."""
    async with providers(answer(200, BATCH)) as [fake]:
        await configured(till, instance("a", "openai", fake.url), budgets={"b": budget})
        got = await till.ask(MAKE, path="/v1/batches")
        assert (got.status, len(fake.received)) == ((403, 0) if refused else (200, 1))
    if refused:
        assert (got.header("x-should-retry"), got.header("x-tollhouse-budget")) == ("false", "b")
        told = json.loads(got.body)["error"]
        assert told["code"] == "batch_not_bounded"
        assert "allow_batches" in told["message"]


async def test_what_a_batch_came_to_is_told_for_each_budget_of_its_reader(till: Till) -> None:
    """By its own model, whatever budgets are left with: it is paid for already. Whether it counts is decided by the
    node, for all its workers."""
    budgets = {
        "all": usd("0.000001"),
        "model": usd("5", scope={"model": "each"}),
        "public": {**usd("5"), "unit": "tokens", "scope": {"model": "house"}},
        "other": usd("5", scope={"model": "gpt-5"}),
        "asked": {"unit": "requests", "amount": 9, "window": "day"},
    }
    dated = {**BATCH, "model": "gpt-4o-2024-08-06"}
    async with providers(answer(200, dated)) as [fake]:
        vendor = {"openai": {"type": "openai", "endpoint": fake.url}}
        models = {"house": {"targets": [{"provider": "openai", "model": "gpt-4o"}]}}
        plugins = {"ai-proxy": {"provider": "openai", "auth": {"header": {"authorization": "Bearer x"}}}}
        await till.load(
            routes={"r": {"uri": "/*", "plugins": plugins}}, budgets=budgets, models=models, providers=vendor
        )
        await read(till, "/v1/batches/batch_1")
    (closed,) = till.log.closed
    told = {claim.key: came.units for claim, came in zip(closed.once, closed.once_outcomes, strict=True)}
    assert told == {"all": closed.cost_nano, "model|model=gpt-4o": closed.cost_nano, "public": 1100}
    assert closed.cost_nano > 1000
    assert till.budgets.of("asked") == (1, 0, 0)


def test_what_was_read_is_remembered_within_bounds() -> None:
    """Per account."""
    seen = KeptAnswers()
    assert [seen.first("a", "x"), seen.first("a", "x"), seen.first("b", "x")] == [True, False, True]
    for number in range(20_000):
        seen.first("c", str(number))
    assert seen.first("a", "x")
