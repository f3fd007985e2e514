"""Money is exact."""

from decimal import Decimal

import pytest
from tollhouse.proto.units import format_usd, nano_to_usd, usd_to_nano


@pytest.mark.parametrize(
    ("usd", "nano"),
    [("0.000003", 3000), (0.1, 100_000_000), (2, 2_000_000_000), (Decimal("1e-9"), 1), ("0.0000000005", 0)],
)
def test_usd_becomes_nano_usd(usd: Decimal | str | float, nano: int) -> None:
    """By decimal text, halves to even."""
    assert usd_to_nano(usd) == nano


@pytest.mark.parametrize(
    ("nano", "text"), [(0, "0.00"), (255_000, "0.000255"), (1_500_000_000, "1.50"), (1, "0.000000001")]
)
def test_amounts_are_written_without_exponents(nano: int, text: str) -> None:
    """At least two decimals, no trailing zeros beyond them."""
    assert format_usd(nano) == text
    assert nano_to_usd(nano) == Decimal(text)
