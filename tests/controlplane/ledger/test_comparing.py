"""Causes of differences: their sum is always the whole difference."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.controlplane.ledger.comparing import CAUSES, Side, compare
from tollhouse.controlplane.ledger.reports import KINDS
from tollhouse.proto.catalog import Rates

RATES = Rates.of(1_000_000, 5_000_000, 100_000)
"""A token read costs 1 nano-USD, a written one 5."""


def tokens(read: int, written: int, cached: int = 0) -> dict[str, int]:
    return dict(zip(KINDS, (read, cached, 0, 0, written), strict=True))


def causes(here: Side | None, there: Side | None) -> dict[str, int]:
    return {one.cause: one.nano for one in compare(here, there, RATES)}


@pytest.mark.parametrize(
    ("here", "there", "found"),
    [
        (Side(1500, tokens(1000, 100), 10), Side(1500, tokens(1000, 100), 10), {}),
        (None, Side(1500, tokens(1000, 100), 10), {"missing_here": 1500}),
        (None, Side(None, tokens(1000, 100), 10), {"missing_here": 1500}),
        (Side(1500, tokens(1000, 100), 10), None, {"missing_there": -1500}),
        (Side(1500, tokens(1000, 100), 10), Side(None, tokens(2000, 200), 20), {"missing_here": 1500}),
        (Side(3000, tokens(2000, 200), 20), Side(1500, tokens(1000, 100), 10), {"missing_there": -1500}),
        (Side(1500, tokens(1000, 100), 10, 200, 2), Side(None, tokens(1000, 150), 10), {"estimate": 250}),
        (Side(1500, tokens(1000, 100), 10), Side(None, tokens(1000, 150), None), {"tokens": 250}),
        (Side(150_000, tokens(1000, 100), 10), Side(300_000, tokens(1000, 100), 10), {"price": 150_000}),
        (Side(1500, tokens(1000, 100), 10), Side(1900, tokens(1000, 100), 10), {}),
        (Side(1500, tokens(1000, 100), 10), Side(50_000, None, None), {"price": 48_500}),
        (Side(1500, tokens(1000, 100), 10, 5, 1), Side(50_000, None, None), {"estimate": 48_500}),
        (Side(1500, tokens(1000, 100), 10), Side(None, tokens(1000, 100, 500), 10), {"tokens": -450}),
    ],
)
def test_causes(here: Side | None, there: Side | None, found: dict[str, int]) -> None:
    """One bucket each."""
    assert causes(here, there) == found


COUNTS = st.integers(0, 10**6)
SIDES = st.builds(
    lambda cost, read, written, requests, estimated: Side(cost, tokens(read, written), requests, 0, estimated),
    st.integers(10**7, 10**9),
    COUNTS,
    COUNTS,
    st.integers(0, 50),
    st.integers(0, 2),
)


@given(SIDES, SIDES)
def test_the_causes_add_up(here: Side, there: Side) -> None:
    """To what the provider charged less what the ledger holds, but for what rounding makes."""
    found = compare(here, there, RATES)
    assert abs(sum(one.nano for one in found) - (there.cost_nano or 0) + (here.cost_nano or 0)) <= 1000
    assert {one.cause for one in found} <= set(CAUSES)
    for kind in KINDS:
        assert here.tokens is not None
        assert there.tokens is not None
        assert sum(one.tokens.get(kind, 0) for one in found) == there.tokens[kind] - here.tokens[kind]
