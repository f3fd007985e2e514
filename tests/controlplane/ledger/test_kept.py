"""Answers that are read often stand in the ledger once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from tollhouse.controlplane.ledger.answers import Question
from tollhouse.controlplane.ledger.kept import forget_answers
from tollhouse.controlplane.ledger.ledger import Ledger
from tollhouse.controlplane.ledger.schema import answers
from tollhouse.proto.admin.v1 import spend_pb2

from tests.support.ledgers import record


async def total(ledger: Ledger) -> dict[str, int]:
    """The sums of everything, by the hours; single records agree."""
    _, found = await ledger.answer(Question([], {}))
    _, single = await ledger.answer(Question(["tier"], {}))
    assert found.sums == single.sums
    return dict(found.sums)


def batch(name: str, **fields: Any) -> Any:
    return record(name, answer="batch_1", kept="read", cost_nano_usd=5000, input_tokens=70, **fields)


async def test_a_batch_is_charged_by_its_first_reading(ledger: Ledger) -> None:
    """On whichever node, in whichever order, in one message or several; every reading is an attempt."""
    await ledger.store([batch("a"), batch("b", node="n2")])
    await ledger.store([batch("c")])
    await ledger.store([batch("a")])
    found = await total(ledger)
    assert (found["cost_nano"], found["attempts"], found["input_tokens"]) == (5000, 3, 70)
    await ledger.store([batch("d", provider="other")])
    assert (await total(ledger))["cost_nano"] == 10_000


async def test_reading_a_cut_answer_brings_the_truth(ledger: Ledger) -> None:
    """As a correction of its estimate, once."""
    guess = record("a", answer="resp_1", kept="open", estimated=True, outcome="cut", cost_nano_usd=300, output_tokens=2)
    truth = {"answer": "resp_1", "kept": "mend", "cost_nano_usd": 900, "input_tokens": 10, "output_tokens": 40}
    await ledger.store([guess])
    await ledger.store([record("b", **truth)])
    await ledger.store([record("c", **truth)])
    found = await total(ledger)
    assert (found["cost_nano"], found["estimated_nano"], found["corrected_nano"]) == (900, 0, 600)
    assert (found["attempts"], found["output_tokens"]) == (2 + 1, 40)
    entries = await ledger.corrections(0, 10)
    assert {(one["corrects"], one["cause"], one["author"]) for one in entries} == {("a", "estimate", "gateway")}


async def test_what_was_charged_in_full_is_not_charged_again_by_reading_it(ledger: Ledger) -> None:
    """A stored response whose making told its usage."""
    await ledger.store([record("a")])
    await ledger.store([record("b", answer="resp_2", kept="mend", cost_nano_usd=1000)])
    found = await total(ledger)
    assert (found["cost_nano"], found["attempts"]) == (1000, 2)


async def test_an_estimate_that_comes_after_the_truth_counts_nothing(ledger: Ledger) -> None:
    """Its node was slow to ship it."""
    await ledger.store([record("a", answer="resp_3", kept="read", cost_nano_usd=700)])
    await ledger.store([record("b", answer="resp_3", kept="open", estimated=True, cost_nano_usd=50)])
    assert (await total(ledger))["cost_nano"] == 700


async def test_old_answers_are_forgotten(ledger: Ledger) -> None:
    """With their records."""
    await ledger.store([batch("a")])
    await forget_answers(ledger._engine, 1 << 50)
    async with ledger._engine.connect() as connection:
        assert (await connection.execute(select(answers))).first() is None


async def test_budgets_count_a_batch_of_the_record_that_is_charged(ledger: Ledger) -> None:
    """What else a reading came to (a budget of requests) counts each time."""

    def read(name: str, node: str) -> Any:
        once = [spend_pb2.BudgetCount(key="usd", bucket=0, units=5000)]
        each = [spend_pb2.BudgetCount(key="requests", bucket=0, units=1)]
        return batch(name, node=node, counts=each, answer_counts=once)

    await ledger.store([read("a", "n1"), read("b", "n2")])
    await ledger.store([read("c", "n1")])
    await ledger.store([read("a", "n1")])
    found = {(one.node, one.key): one.units async for one in ledger.counts("")}
    assert found == {("n1", "usd"): 5000, ("n1", "requests"): 2, ("n2", "requests"): 1}
