"""Money as integer nano-USD (1e-9 USD): exact sums, an integer multiply on the hot path."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import NewType

NanoUSD = NewType("NanoUSD", int)
"""An amount of money in billionths of a US dollar."""

NANO_PER_USD = 1_000_000_000


def usd_to_nano(amount: Decimal | str | int | float) -> NanoUSD:
    """``"0.000003"`` USD is 3000 nano-USD. Floats go through their shortest decimal text, so 0.1 stays 0.1."""
    return NanoUSD(int((Decimal(str(amount)) * NANO_PER_USD).to_integral_value(rounding=ROUND_HALF_EVEN)))


def nano_to_usd(amount: int) -> Decimal:
    """The exact amount in USD."""
    return Decimal(amount) / NANO_PER_USD


@lru_cache(maxsize=1024)
def format_usd(amount: int) -> str:
    """For people and headers: at least two decimals, no trailing zeros beyond them, never an exponent."""
    sign = "-" if amount < 0 else ""
    whole, nano = divmod(abs(amount), NANO_PER_USD)
    fraction = f"{nano:09d}".rstrip("0")
    return f"{sign}{whole}.{fraction:0<2}"
