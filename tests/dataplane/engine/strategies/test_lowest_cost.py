"""By expected cost."""

from __future__ import annotations

from dataclasses import replace

from tollhouse.dataplane.engine.strategies.lowest_cost import expected_cost, order
from tollhouse.dataplane.engine.strategies.standing import Expected, Standing
from tollhouse.proto.catalog import PriceTable, Rates

MILLION = 1_000_000_000


def priced(name: str, read: float, write: float, cached: float | None = None, **more: float) -> Standing:
    """USD per million tokens."""
    rates = Rates.of(int(read * MILLION), int(write * MILLION), None if cached is None else int(cached * MILLION))
    return Standing(name, price=PriceTable(rates, (), "test"), **more)  # type: ignore[arg-type]


def test_the_cheaper_depends_on_the_shape_of_the_work() -> None:
    """Dear input against dear output: the expected tokens decide, not a sum of prices."""
    reader, writer = priced("reader", 1, 20), priced("writer", 5, 5)
    assert order([reader, writer], Expected(10_000, 10))[0].name == "reader"
    assert order([reader, writer], Expected(100, 2000))[0].name == "writer"


def test_a_warm_cache_outweighs_a_lower_list_price() -> None:
    """Switching away would mean to read the whole prompt anew, at the cheaper model's full price."""
    warm = priced("warm", 3, 15, 0.3, warm_tokens=50_000)
    cheap = priced("cheap", 1, 5, 0.1)
    assert order([warm, cheap], Expected(52_000, 200))[0].name == "warm"
    assert order([priced("cold", 3, 15, 0.3), cheap], Expected(52_000, 200))[0].name == "cheap"


def test_a_switch_pays_for_writing_the_prompt_anew() -> None:
    """A cheaper model whose cache has to be filled first may cost more than the warm one, now and here."""
    warm = priced("warm", 3, 15, 0.3, warm_tokens=15_000)
    expected = Expected(52_000, 200)  # 119 of 124 million nano-USD
    plain, writing = priced("cheap", 2.2, 5, 0.1), priced("cheap", 2.2, 5, 0.1, write_share=0.9)
    assert plain.price is not None
    dearer = PriceTable(replace(plain.price.base, cache_write=int(2.75 * MILLION)), (), "test")
    plain.price = writing.price = dearer
    assert order([warm, plain], expected)[0].name == "cheap"
    told = order([warm, writing], expected)
    assert told[0].name == "warm"
    assert "46800 written to its cache" in told[1].why


def test_an_hours_keeping_costs_its_own_rate() -> None:
    """Twice the input rate at Anthropic."""
    one = priced("a", 3, 15, 0.3, write_1h_share=1.0)
    assert one.price is not None
    one.price = PriceTable(replace(one.price.base, cache_write_1h=6 * MILLION), (), "test")
    assert expected_cost(one, Expected(1000, 0)) == 6_000_000


def test_an_unknown_price_comes_last_and_says_so() -> None:
    """Unknown is not free."""
    ranked = order([Standing("unknown"), priced("known", 100, 100)], Expected(10, 10, 7))
    assert [one.name for one in ranked] == ["known", "unknown"]
    assert ranked[1].why == "its price is not known"
    assert "10 tokens in and 10 out (learned from 7 requests)" in ranked[0].why
    assert expected_cost(Standing("unknown"), Expected(1, 1)) is None
