"""The catalogue: models by name and alias, facts filled in, what is broken left out."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.dispatch.setup.catalog import Catalog
from tollhouse.proto.resources.model import Model, Provider


def model(**fields: Any) -> Model:
    """A model resource."""
    return Model.model_validate({"targets": [{"provider": "anthropic", "model": "claude-haiku-4-5"}], **fields})


def provider(**fields: Any) -> Provider:
    """A provider resource."""
    return Provider.model_validate({"type": "anthropic", **fields})


def test_models_are_found_by_name_and_alias() -> None:
    """A name outweighs another model's alias."""
    catalog = Catalog.build({"fast": model(aliases=["quick", "slow"]), "slow": model()}, {})
    assert catalog.find("quick") is catalog.find("fast")
    found = catalog.find("slow")
    assert found is not None
    assert found.id == "slow"
    assert catalog.find("other") is None


def test_facts_come_from_the_table_unless_configured() -> None:
    """Price, window, output limit and abilities of a known model need not be written down."""
    catalog = Catalog.build(
        {"a": model(), "b": model(context_window=500, max_output_tokens=7, capabilities={"vision": False})}, {}
    )
    known, own = (catalog.models[name].targets[0] for name in "ab")
    assert known.price is not None
    assert known.price.base.input == 1_000_000_000
    assert (known.context_window, known.max_output, known.lacks) == (200_000, 64_000, frozenset())
    assert (own.context_window, own.max_output, own.lacks) == (500, 7, frozenset({"vision"}))


def test_who_goes_on_with_a_begun_answer_is_known_unless_configured() -> None:
    """A fact of the model, as are its abilities."""
    local = [{"provider": "local", "model": "qwen"}]
    models = {
        "a": model(),
        "b": model(capabilities={"prefill": False}),
        "c": model(targets=local),
        "d": model(targets=local, capabilities={"prefill": True}),
    }
    own = {"local": Provider.model_validate({"type": "openai-compatible", "endpoint": "http://127.0.0.1:1/v1"})}
    catalog = Catalog.build(models, own)
    assert [catalog.models[name].targets[0].prefills for name in "abcd"] == [True, False, False, True]


def test_a_configured_price_fills_its_gaps() -> None:
    """Exact decimals; kinds without a price cost what input costs; the rest from the table."""
    catalog = Catalog.build(
        {"a": model(price={"input": 0.1, "output": "0.25"}), "b": model(price={"cached_input": "0.0375"})}, {}
    )
    first, second = (catalog.models[name].targets[0].price for name in "ab")
    assert first is not None
    assert second is not None
    assert (first.base.input, first.base.output, first.base.cached) == (100_000_000, 250_000_000, 100_000_000)
    assert (second.base.input, second.base.cached) == (1_000_000_000, 37_500_000)
    assert first.source == "config"


def test_free_is_a_price() -> None:
    """A local model at nought is known, not unknown."""
    catalog = Catalog.build({"a": model(price={"input": 0, "output": 0})}, {})
    price = catalog.models["a"].targets[0].price
    assert price is not None
    assert price.base.output == 0


def test_a_provider_resource_replaces_the_vendor_of_its_name() -> None:
    """``providers/anthropic`` moves all Anthropic traffic; one of its own id is another account."""
    catalog = Catalog.build(
        {"a": model(), "b": model(targets=[{"provider": "mine", "model": "m"}])},
        {
            "anthropic": provider(endpoint="http://127.0.0.1:1"),
            "mine": provider(endpoint="http://127.0.0.1:2", auth={"header": {"x-api-key": "$env://MINE"}}),
        },
    )
    first, second = (catalog.models[name].targets[0] for name in "ab")
    assert first.endpoint.origin.port == 1
    assert second.endpoint.headers == (("x-api-key", "$env://MINE"),)
    assert first.endpoint.key != second.endpoint.key


def test_the_environment_moves_a_vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    """``TOLLHOUSE_ENDPOINT_<TYPE>`` on a node."""
    monkeypatch.setenv("TOLLHOUSE_ENDPOINT_ANTHROPIC", "http://127.0.0.1:7")
    assert Catalog.build({"a": model()}, {}).models["a"].targets[0].endpoint.origin.port == 7


def test_a_target_of_nobody_is_left_out_and_told() -> None:
    """The rest of the model serves on."""
    targets = [{"provider": "nobody", "model": "m"}, {"provider": "openai", "model": "gpt-4o"}]
    compiled = Catalog.build({"a": model(targets=targets)}, {}).models["a"]
    assert [target.name for target in compiled.targets] == ["openai"]
    assert "nobody" in compiled.problems[0]


def test_unchanged_entries_are_the_same_objects() -> None:
    """A new snapshot reuses what did not change, and rebuilds what hangs on a changed provider."""
    providers = {"mine": provider(endpoint="http://127.0.0.1:2")}
    before = Catalog.build({"a": model(), "b": model()}, providers)
    after = Catalog.build({"a": model(), "b": model(context_window=9)}, providers, before)
    assert after.models["a"] is before.models["a"]
    assert after.models["b"] is not before.models["b"]
    assert after.providers is before.providers
    moved = Catalog.build({"a": model()}, {"mine": provider(endpoint="http://127.0.0.1:3")}, after)
    assert moved.models["a"] is not after.models["a"]


def test_two_targets_of_one_provider_have_names_of_their_own() -> None:
    """Headers and metrics must tell them apart."""
    targets = [{"provider": "openai", "model": "gpt-4o"}, {"provider": "openai", "model": "gpt-4o-mini"}]
    compiled = Catalog.build({"a": model(targets=targets)}, {}).models["a"]
    assert [target.name for target in compiled.targets] == ["openai", "openai/gpt-4o-mini"]
