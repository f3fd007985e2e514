"""Reconciliation: what differs by cause, corrections as entries of their own, and none made twice."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.controlplane.ledger.answers import Question
from tollhouse.controlplane.ledger.ledger import Ledger
from tollhouse.controlplane.ledger.reconciling import Options, Reconciled, shares
from tollhouse.controlplane.ledger.reports import DAY_MS, BadReport
from tollhouse.controlplane.ledger.valuing import RatesOf, configured_rates

from tests.support.ledgers import NOW, record

DAY = NOW // DAY_MS * DAY_MS
HAIKU = "claude-haiku-4-5"
"""1 USD per million tokens read, 5 written: 1000 and 5000 nano-USD each."""


def haiku(name: str, read: int, written: int, **fields: Any) -> Any:
    cost = read * 1000 + written * 5000
    base = {"provider": "anthropic", "model": f"{HAIKU}-20251001", "cost_nano_usd": cost}
    return record(name, **{**base, "input_tokens": read, "output_tokens": written, **fields})


def usage(read: int, written: int, model: str = HAIKU) -> bytes:
    line = {"uncached_input_tokens": read, "cache_read_input_tokens": 0, "output_tokens": written, "model": model}
    return _page({**line, "cache_creation": {}})


def cost(cents: str, model: str = HAIKU) -> bytes:
    return _page({"amount": cents, "currency": "USD", "model": model, "cost_type": "tokens"})


def _page(result: dict[str, Any]) -> bytes:
    start, end = (datetime.fromtimestamp(ms / 1000, UTC).isoformat() for ms in (DAY, DAY + DAY_MS))
    return json.dumps({"data": [{"starting_at": start, "ending_at": end, "results": [result]}]}).encode()


async def reconciled(ledger: Ledger, *files: bytes, correct: str = "", **more: Any) -> Reconciled:
    causes = frozenset(name for name in correct.split(",") if name)
    return await ledger.reconcile(list(files), Options(correct=causes, author="finance", **more))


def causes(found: Reconciled) -> dict[str, int]:
    return {one.difference.cause: one.difference.nano for one in found.found}


async def test_a_ledger_that_agrees_has_no_differences(ledger: Ledger) -> None:
    """Usage, cost, or both; dated and undated names are one model, other providers are not asked."""
    await ledger.store([haiku("1", 1000, 200), record("other")])
    for files in ([usage(1000, 200)], [cost("0.2")], [usage(1000, 200), cost("0.2")]):
        found = await reconciled(ledger, *files)
        assert causes(found) == {}
        assert (found.here_nano, found.there_nano, found.provider) == (2_000_000, 2_000_000, "anthropic")


async def test_estimates_are_trued_up(ledger: Ledger) -> None:
    """Two answers were cut: what the provider counted is spread over them by what they were estimated to cost, as
    entries beside them. Done again, nothing is left to do."""
    await ledger.store(
        [
            haiku("whole", 1000, 200),
            haiku("cut", 100, 20, estimated=True, outcome="cut", consumer="cutter"),
            haiku("lost", 100, 60, estimated=True, outcome="lost", session="s", attempt=2),
        ]
    )
    only_told = await reconciled(ledger, usage(1200, 340))
    assert causes(only_told) == {"estimate": 300_000}
    assert only_told.corrections == 0
    done = await reconciled(ledger, usage(1200, 340), correct="estimate", reason="October's invoice")
    assert (done.corrections, done.corrected_nano) == (4, 300_000)
    again = await reconciled(ledger, usage(1200, 340), correct="estimate")
    assert (causes(again), again.corrections) == ({}, 0)
    for asked in ((), ("session",)):  # hourly sums and single records
        _, total = await ledger.answer(Question(asked))
        assert total.sums["cost_nano"] == 2_000_000 + 200_000 + 400_000 + 300_000
        assert (total.sums["estimated_nano"], total.sums["corrected_nano"]) == (0, 300_000)
        assert (total.sums["input_tokens"], total.sums["output_tokens"]) == (1200, 340)
        assert (total.sums["attempts"], total.sums["requests"], total.sums["failed"]) == (3, 2, 2)
        assert total.sums["retried_nano"] == 600_000
    entries = await ledger.corrections(0, 0)
    assert {(one["corrects"], one["cause"], one["author"], one["reason"]) for one in entries} == {
        ("cut", "estimate", "finance", "October's invoice"),
        ("lost", "estimate", "finance", "October's invoice"),
    }
    (cutter,) = await ledger.spend(Question(filter={"consumer": "cutter"}))
    assert cutter.sums["cost_nano"] == 300_000


async def test_what_no_record_explains_is_an_entry_of_its_own(ledger: Ledger) -> None:
    """Traffic that went around the gateway, a price that is another: only for causes that were named."""
    await ledger.store([haiku("1", 1000, 200)])
    found = await reconciled(ledger, usage(1000, 200), cost("0.3"), correct="missing_here,price")
    assert causes(found) == {"price": 1_000_000}
    assert found.corrections == 1
    assert causes(await reconciled(ledger, usage(1000, 200), cost("0.3"))) == {}
    around = await reconciled(ledger, usage(50, 0, "claude-opus-4-5"), correct="missing_here")
    assert causes(around) == {"missing_here": 250_000, "missing_there": -3_000_000}
    assert around.corrections == 1
    rows = await ledger.spend(Question(("consumer",)))
    assert {row.keys["consumer"]: row.sums["cost_nano"] for row in rows} == {"coder": 2_000_000, "": 1_250_000}


async def test_single_records_by_whoever_knows_them(ledger: Ledger) -> None:
    """Late usage of one attempt, by its id; what there is not is said."""
    await ledger.store([haiku("cut", 100, 20, estimated=True, outcome="cut"), haiku("fine", 10, 10)])
    late = b"id,input_tokens,output_tokens,cost_usd\ncut,120,33,0.000285\nnone,1,1,1\nfine,10,10,0.00006\n"
    found = await reconciled(ledger, late, correct="estimate,tokens,price")
    assert causes(found) == {"estimate": 85_000}
    assert found.notes == ["not compared: there is no record 'none'"]
    assert (await reconciled(ledger, late, correct="estimate")).corrections == 0
    changed = await reconciled(ledger, b"id,cost_usd\ncut,0.0003\n", correct="price")
    assert causes(changed) == {"price": 15_000}
    _, total = await ledger.answer(Question())
    assert (total.sums["cost_nano"], total.sums["estimated_nano"]) == (300_000 + 60_000, 0)
    assert (total.sums["input_tokens"], total.sums["output_tokens"]) == (130, 43)


async def test_reports_that_do_not_belong_together_are_refused(ledger: Ledger) -> None:
    """By name, before anything is written."""
    costs = b'{"data": [{"start_time": 0, "end_time": 9, "results": []}]}'
    for files, more, words in (
        ([usage(1, 1), usage(1, 1)], {}, "one of usage and one of cost"),
        ([usage(1, 1), costs], {}, "one provider"),
        ([b"id,cost_usd\n1,1\n", usage(1, 1)], {}, "alone"),
        ([], {}, "no report was given"),
        ([usage(1, 1)], {"correct": "everything"}, "'everything' is no cause; there are missing_here"),
    ):
        with pytest.raises(BadReport, match=words):
            await reconciled(ledger, *files, **more)


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=9).filter(any))
def test_shares_add_up(amount: int, weights: list[int]) -> None:
    """To the last unit, and nobody is off by more than one."""
    found = shares(amount, weights)
    assert sum(found) == amount
    assert all(
        abs(share - amount * weight / sum(weights)) < 1.001 for share, weight in zip(found, weights, strict=True)
    )


async def test_tokens_are_valued_at_what_the_records_were_charged(ledger: Ledger) -> None:
    """Not at today's prices: here half of them, by a contract that the configuration may not know any more."""
    await ledger.store(
        [
            haiku("whole", 1000, 200, cost_nano_usd=1_000_000, price_source="contract 4"),
            haiku("cut", 100, 20, estimated=True, outcome="cut", cost_nano_usd=100_000, price_source="contract 4"),
        ]
    )
    found = await reconciled(ledger, usage(1200, 340))
    assert causes(found) == {"estimate": (100 * 1000 + 120 * 5000) // 2}
    assert found.notes == [
        f"{HAIKU} is valued at what its attempts of the day were charged: 50 % of the configured prices"
    ]
    both = await reconciled(ledger, usage(1200, 340), cost("0.145"))
    assert causes(both) == {"estimate": 350_000}


async def test_the_prices_of_the_provider_count_where_the_ledger_has_nothing(ledger: Ledger) -> None:
    """Over the published table; a model that only the price of its attempts is known of is valued by that."""
    own = {"type": "anthropic", "prices": {"claude-haiku-4-5*": {"input": 2, "output": 10}}}

    async def configured() -> RatesOf:
        return configured_rates([("anthropic", own)])

    ledger.prices = configured
    assert causes(await reconciled(ledger, usage(1000, 200))) == {"missing_here": 1000 * 2000 + 200 * 10_000}
    other = {"model": "our-own", "provider": "anthropic", "input_tokens": 100, "output_tokens": 0}
    await ledger.store([record("own", **other, cost_nano_usd=700)])
    found = await reconciled(ledger, usage(300, 0, "our-own"))
    assert causes(found) == {"tokens": 1400}
