"""Nodes charge by the published price table, from the moment they serve it, and by the price of the day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from tollhouse.dataplane.config.objects import Batch
from tollhouse.proto.catalog import reader

from tests.support.dispatching import instance
from tests.support.providers import providers
from tests.support.till import ASK, GOOD, Till, configured


def table(**rates: tuple[int, int]) -> dict[str, Any]:
    """gpt-4o-mini from these days on, in USD per million."""
    prices = [[since.strip("_").replace("_", "-"), [n * 10**9 for n in pair]] for since, pair in rates.items()]
    row = ["gpt-4o-mini", ["=", "gpt-4o-mini"], 1000, prices]
    return {"source": "ours", "version": "7", "vendors": {"openai": [row]}}


@pytest.fixture(autouse=True)
def _bundled() -> Iterator[None]:
    yield
    reader.publish(None)


async def cost_of_one(till: Till) -> tuple[int, str]:
    """Nano-USD, and where the price came from."""
    got = await till.ask(ASK)
    assert got.status == 200
    return got.ex.cost_nano, till.log.opened[-1].price_source


async def test_a_new_table_holds_for_routes_and_models_at_once(till: Till) -> None:
    async with providers(GOOD) as [first]:
        await configured(till, instance("a", "openai", first.url), budgets={})
        before, source = await cost_of_one(till)
        assert source == reader.bundled().name
        for one in (table(_=(1, 2)), table(_=(2, 4))):
            await configured(till, instance("a", "openai", first.url), budgets={}, price_tables={"published": one})
            after, source = await cost_of_one(till)
            assert source == "ours 7"
            assert after not in (0, before)
            before, last = after, before
        assert before == 2 * last
        await configured(till, instance("a", "openai", first.url), budgets={})
        assert (await cost_of_one(till))[1] == reader.bundled().name


async def test_a_price_holds_from_its_day_on(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any change of the configuration: loading nothing is enough, and what workers do when a day begins."""
    monkeypatch.setattr(reader, "today", lambda: date(2026, 11, 30))
    dated = table(_=(1, 2), _2026_12_01=(10, 20))
    async with providers(GOOD) as [first]:
        await configured(till, instance("a", "openai", first.url), budgets={}, price_tables={"published": dated})
        before, _ = await cost_of_one(till)
        assert not till.gateway.prices_are_old
        monkeypatch.setattr(reader, "today", lambda: date(2026, 12, 1))
        assert till.gateway.prices_are_old
        await till.gateway.load(Batch(till.gateway.snapshot.revision, False))
        assert not till.gateway.prices_are_old
        assert (await cost_of_one(till))[0] == 10 * before
