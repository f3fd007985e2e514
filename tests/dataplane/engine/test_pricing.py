"""Cost in integer nano-USD."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.engine.pricing import cache_saved, cost, worst_case
from tollhouse.proto.catalog import PriceTable, Rates

SONNET = PriceTable(Rates.of(3_000_000_000, 15_000_000_000, 300_000_000, 3_750_000_000, 6_000_000_000))
TIERED = PriceTable(Rates.of(3_000_000_000, 15_000_000_000), ((200_000, Rates.of(6_000_000_000, 22_500_000_000)),))


def test_every_kind_has_its_rate() -> None:
    """1000 input of which 300 cached, 200 and 100 written to the cache, 50 out: 4.020 milli-USD by hand."""
    usage = Usage(1000, 300, 200, 100, 50, 20)
    assert cost(usage, SONNET) == 400 * 3000 + 300 * 300 + 200 * 3750 + 100 * 6000 + 50 * 15000


def test_a_cache_saves_what_is_read_from_it_and_costs_what_is_written() -> None:
    """300 read at a tenth of the price; 200 and 100 written at 1.25 and 2 times it; nothing without a cache."""
    assert cache_saved(Usage(1000, 300, 0, 0, 50), SONNET) == 300 * 2700
    assert cache_saved(Usage(1000, 0, 200, 100, 50), SONNET) == -(200 * 750 + 100 * 3000)
    assert cache_saved(Usage(1000, output_tokens=50), SONNET) == 0


def test_fractions_of_a_nano_are_rounded_once() -> None:
    """37.5 nano-USD a token: three tokens cost 113, not 111 or 114."""
    assert cost(Usage(3), PriceTable(Rates.of(37_500_000, 0))) == 113


def test_a_tier_holds_for_all_tokens_above_its_threshold() -> None:
    """Exactly at the threshold the base rate holds, one token more and everything is dearer."""
    assert cost(Usage(200_000, output_tokens=1), TIERED) == 200_000 * 3000 + 15_000
    assert cost(Usage(200_001, output_tokens=1), TIERED) == 200_001 * 6000 + 22_500


@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 1), st.integers(0, 10**5))
def test_the_worst_case_is_never_exceeded(size: int, cached: float, written: float, output: int) -> None:
    """However the input splits into kinds, the reservation covers it."""
    hits = int(size * cached)
    writes = int((size - hits) * written)
    usage = Usage(size, hits, writes, 0, output)
    for price in (SONNET, TIERED):
        assert 0 <= cost(usage, price) <= worst_case(size, output, price)
