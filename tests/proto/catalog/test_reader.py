"""The bundled model table."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tollhouse.proto import catalog
from tollhouse.proto.catalog import generate, lookup, source
from tollhouse.proto.catalog.reader import Table, changes_between, parse_table, publish

DAY = date(2026, 11, 1)


@pytest.mark.parametrize(
    ("provider", "model", "input_usd", "output_usd"),
    [
        ("anthropic", "claude-3-sonnet", "3", "15"),
        ("anthropic", "claude-3-sonnet-20240229", "3", "15"),
        ("anthropic", "claude-haiku-4-5-20251001", "1", "5"),
        ("anthropic", "claude-sonnet-4-6", "3", "15"),
        ("openai", "gpt-4o", "2.5", "10"),
        ("openai", "GPT-4o-2024-08-06", "2.5", "10"),
        ("openai", "gpt-4o-mini", "0.15", "0.6"),
        ("azure-openai", "gpt-4o-mini", "0.15", "0.6"),
    ],
)
def test_prices_are_exact_also_for_dated_names(provider: str, model: str, input_usd: str, output_usd: str) -> None:
    """A list price per million tokens is found under the bare, the dated and the oddly cased name."""
    price = lookup(provider, model, DAY).price
    assert price is not None
    assert price.base.input == int(Decimal(input_usd) * 10**9)
    assert price.base.output == int(Decimal(output_usd) * 10**9)
    assert price.source.startswith("genai-prices ")


def test_cached_kinds_fall_back_to_the_input_price() -> None:
    """A kind without a price of its own is billed as input, never as nothing."""
    price = lookup("openai", "gpt-4o-mini", DAY).price
    assert price is not None
    assert price.base.cached == 75_000_000
    assert price.base.cache_write == price.base.input


def test_tiers_and_dates_are_kept() -> None:
    """Long-context tiers hold above their threshold, and a price change holds from its day on."""
    before = lookup("anthropic", "claude-sonnet-4-6", date(2026, 3, 1)).price
    after = lookup("anthropic", "claude-sonnet-4-6", date(2026, 3, 13)).price
    assert before is not None
    assert after is not None
    assert before.tiers[0][0] == 200_000
    assert before.tiers[0][1].output == 22_500_000_000
    assert after.tiers == ()


def test_a_stranger_is_unknown_not_free() -> None:
    """A model nobody knows has no price at all."""
    known = lookup("openai", "nobody-knows-this")
    assert known.price is None
    assert known.context_window == 0


def test_families_tell_abilities() -> None:
    """Abilities come from the hand-kept families."""
    assert "vision" in lookup("anthropic", "claude-3-sonnet").has
    assert "vision" in lookup("openai", "gpt-3.5-turbo").lacks
    assert lookup("anthropic", "claude-3-sonnet").max_output == 4096
    assert lookup("openrouter", "anthropic/claude-3-5-sonnet").max_output == 8192


@pytest.fixture
def published() -> Iterator[Table]:
    """A table that goes before the bundled one."""
    rates = [1_000_000_000, 2_000_000_000]
    row = ["gpt-4o", ["=", "gpt-4o"], 1000, [["", rates, []], ["2026-12-01", [3_000_000_000, 4_000_000_000], []]]]
    table = parse_table({"source": "ours", "version": "7", "vendors": {"openai": [row]}})
    publish(table)
    yield table
    publish(None)


def test_a_published_table_goes_first(published: Table) -> None:
    """Prices name the table they are of; what it does not know is looked for in the bundled one."""
    assert source() == "ours 7"
    price = lookup("openai", "gpt-4o-2024-08-06", date(2026, 11, 30)).price
    assert price is not None
    assert (price.source, price.base.input) == ("ours 7", 1_000_000_000)
    other = lookup("anthropic", "claude-sonnet-4-6").price
    assert other is not None
    assert other.source.startswith("genai-prices ")
    publish(None)
    price = lookup("openai", "gpt-4o").price
    assert price is not None
    assert price.source.startswith("genai-prices ")


def test_prices_that_begin_are_known_beforehand(published: Table) -> None:
    days = [date(2026, 11, 30), date(2026, 12, 1)]
    price = lookup("openai", "gpt-4o", days[1]).price
    assert price is not None
    assert price.base.input == 3_000_000_000
    assert changes_between(*days)
    assert not changes_between(days[1], days[1])


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"source": "x", "version": "1"}, "vendors"),
        ({"source": "x", "version": "1", "vendors": {"openai": [["a"]]}}, "vendors"),
        ({"source": "x", "version": "1", "vendors": {"openai": [["a", ["=", "a"], 0, [["", [-1, 0]]]]]}}, "'a'"),
        ({"source": "x", "version": "1", "vendors": {"openai": [["a", ["=", "a"], 0, [["", [10**18]]]]]}}, "'a'"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(value: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_table(value)


def test_the_file_is_fresh_and_small() -> None:
    """The committed file is what the generator writes, and it stays small."""
    path = Path(catalog.__file__).with_name("known_models.json")
    assert path.read_text(encoding="utf-8") == generate.render()
    assert path.stat().st_size < 1_000_000


def test_reading_does_not_need_the_price_package() -> None:
    """The reader works where genai-prices is not installed (it is a development tool only)."""
    code = (
        "import sys; sys.modules['genai_prices'] = None\n"
        "from tollhouse.proto.catalog import lookup\n"
        "assert lookup('openai', 'gpt-4o').price is not None"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
