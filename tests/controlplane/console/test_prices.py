"""What models cost, as nodes reckon it."""

from __future__ import annotations

from typing import Any

from tollhouse.controlplane.console.prices import Prices
from tollhouse.proto.catalog import source

from tests.controlplane.console.people import FakeService

PROVIDERS: list[dict[str, Any]] = [
    {"id": "openai", "type": "openai", "prices": {"gpt-4o*": {"input": 2, "source": "contract"}}},
    {"id": "local", "type": "openai-compatible", "endpoint": "http://127.0.0.1:1/v1"},
]
MODELS: list[dict[str, Any]] = [
    {"id": "ours", "price": {"output": 7}, "targets": [{"provider": "anthropic", "model": "claude-sonnet-4-5"}]},
    {"id": "strange", "unknown_price": "block", "targets": [{"provider": "openai", "model": "nobody-knows"}]},
    {"id": "here", "targets": [{"provider": "local", "model": "qwen3-32b"}]},
]


async def test_the_bundled_table_is_shown_where_nothing_was_configured() -> None:
    """With its name; a provider's own price has the name it was given."""
    prices = await Prices(FakeService(providers=PROVIDERS)).now()  # type: ignore[arg-type]
    known = prices.of("anthropic", "claude-sonnet-4-5")
    assert known["source"] == source()
    assert (known["price"]["input"], known["price"]["cached"], known["price"]["output"]) == (3.0, 0.3, 15.0)
    own = prices.of("openai", "gpt-4o")
    assert (own["price"]["input"], own["price"]["output"], own["source"]) == (2.0, 10.0, "contract")
    assert prices.of("openai", "nobody-knows")["policy"] == "estimate"
    assert (prices.of("local", "x")["policy"], prices.of("local", "x")["price"]["output"]) == ("free", 0.0)


async def test_a_models_own_price_outweighs_all_and_an_unknown_one_is_said() -> None:
    """Read again when something was written."""
    service = FakeService(providers=PROVIDERS, models=MODELS)
    told = Prices(service)  # type: ignore[arg-type]
    found = {one["id"]: one["targets"][0] for one in (await told.now()).models()}
    assert (found["ours"]["price"]["input"], found["ours"]["price"]["output"], found["ours"]["source"]) == (
        *(3.0, 7.0, "config"),
    )
    assert (found["strange"]["price"], found["strange"]["policy"]) == (None, "block")
    assert found["here"]["policy"] == "free"
    assert (await told.now()).of("anthropic", "claude-sonnet-4-5")["price"]["output"] == 7.0
    service.models, service.revision = [], 2
    assert (await told.now()).models() == []
