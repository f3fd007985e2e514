"""Configured prices over what is known."""

from __future__ import annotations

from tollhouse.dataplane.chat import Special, Usage
from tollhouse.dataplane.dispatch.setup.catalog import Catalog
from tollhouse.dataplane.engine.pricing import cost
from tollhouse.proto.catalog import PriceTable, Rates, lookup
from tollhouse.proto.catalog.merging import merge_price, price_for
from tollhouse.proto.resources.model import Model, Provider
from tollhouse.proto.resources.price import Price

M = 1_000_000_000
KNOWN = PriceTable(
    Rates.of(3 * M, 15 * M, M // 2, reasoning=20 * M),
    ((1000, Rates.of(6 * M, 30 * M)),),
    "table 1",
    services=(("batch", PriceTable(Rates.of(2 * M, 7 * M), (), "table 1")),),
    search=10 * M,
)


def merged(known: PriceTable | None = KNOWN, **fields: object) -> PriceTable:
    """A price laid over the table's."""
    found = merge_price(Price.model_validate(fields), known)
    assert found is not None
    return found


def test_nothing_given_changes_nothing() -> None:
    """Not even where it is said to come from."""
    assert merge_price(Price(), KNOWN) is KNOWN
    assert merge_price(None, None) is None


def test_parts_go_with_their_whole() -> None:
    """With an input rate of its own, the table's rate of cached tokens means nothing; that of reasoning stays."""
    price = merged(input=4)
    assert (price.base.input, price.base.cached, price.base.reasoning) == (4 * M, 4 * M, 20 * M)
    assert (price.tiers, price.services, price.search, price.source) == ((), (), 10 * M, "config")


def test_a_fee_leaves_the_rates_alone() -> None:
    """Per answer and per search."""
    price = merged(request="0.001", web_search=5, source="contract 7")
    assert (price.base, price.tiers, price.services) == (KNOWN.base, KNOWN.tiers, KNOWN.services)
    assert price.source == "contract 7"
    assert cost(Usage(), price) == 1_000_000
    assert cost(Usage(special=Special(web_searches=2)), price) == 1_000_000 + 10_000_000


def test_tiers_and_service_tiers_fill_their_gaps_from_the_price() -> None:
    """What a tier does not say costs what it costs otherwise."""
    price = merged(
        None,
        input=2,
        output=8,
        cached_input="0.2",
        tiers=[{"above": 100, "input": 4}],
        service_tiers={"flex": {"output": 4}},
    )
    assert price.tiers == (
        (100, Rates.of(4 * M, 8 * M, M // 5, 2 * M, 2 * M, 8 * M, 2 * M, 8 * M, M // 5, 2 * M, 8 * M, M // 5)),
    )
    assert cost(Usage(10, output_tokens=10, special=Special("flex")), price) == 10 * 2000 + 10 * 4000
    assert cost(Usage(10, output_tokens=10, special=Special("scale")), price) == 10 * 2000 + 10 * 8000


def test_the_exact_name_counts_first_then_the_longest_pattern() -> None:
    """In a provider's prices."""
    prices = {"gpt-*": Price(input="1"), "gpt-5*": Price(input="2"), "gpt-5.5": Price(input="3")}
    found = [price_for(name, prices) for name in ("gpt-4o", "gpt-5", "gpt-5.5", "o3")]
    assert [one.input if one is not None else None for one in found] == ["1", "2", "3", None]


def test_a_model_outweighs_its_provider_and_that_the_table() -> None:
    """One account pays less; one model has a price wherever it is had."""
    providers = {
        "openai": Provider.model_validate({"type": "openai", "prices": {"gpt-5": {"input": 1, "source": "deal"}}})
    }
    targets = [{"provider": "openai", "model": "gpt-5"}]
    models = {
        "a": Model.model_validate({"targets": targets}),
        "b": Model.model_validate({"targets": targets, "price": {"output": 9}}),
    }
    catalog = Catalog.build(models, providers)
    first, second = (catalog.models[name].targets[0].price for name in "ab")
    known = lookup("openai", "gpt-5").price
    assert first is not None
    assert second is not None
    assert known is not None
    assert (first.base.input, first.base.output, first.source) == (M, known.base.output, "deal")
    assert (second.base.input, second.base.output, second.source) == (M, 9 * M, "config")
