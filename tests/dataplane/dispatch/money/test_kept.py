"""Charging what a provider kept once, however often it is read."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.dispatch.money.kept import KeptAnswers
from tollhouse.dataplane.spending import AttemptLog, Closed, Opened
from tollhouse.proto.catalog import lookup, source

from tests.support.dispatching import Bench, bench, instance
from tests.support.providers import answer, providers
from tests.support.services import request

USAGE = {"input_tokens": 1000, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 100}
BATCH = {"id": "batch_1", "object": "batch", "status": "completed", "model": "gpt-4o", "usage": USAGE}


class PlainLog(AttemptLog):
    """Records in lists."""

    def __init__(self) -> None:
        self.opened: list[Opened] = []
        self.closed: list[Closed] = []

    def new_id(self) -> str:
        return f"id-{len(self.opened)}"

    def open(self, record: Opened) -> None:
        self.opened.append(record)

    def close(self, record: Closed) -> None:
        self.closed.append(record)


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


async def test_files_cost_nothing() -> None:
    """Though their lines hold usage."""
    async with bench() as gate, providers(answer(200, {"usage": USAGE})) as [fake]:
        gate.services.attempt_log = log = PlainLog()
        await gate.multi(instance("a", "openai", fake.url))
        ex = await read(gate, "/v1/files/file-1/content")
    assert ex.cost_nano == 0
    assert (log.closed[0].cost_nano, log.closed[0].special) == (0, None)


def test_what_was_read_is_remembered_within_bounds() -> None:
    """Per account."""
    seen = KeptAnswers()
    assert [seen.first("a", "x"), seen.first("a", "x"), seen.first("b", "x")] == [True, False, True]
    for number in range(20_000):
        seen.first("c", str(number))
    assert seen.first("a", "x")
