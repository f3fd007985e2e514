"""Strategies and fallbacks as users write them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from tollhouse.proto.resources.model import Model
from tollhouse.proto.resources.strategy import Fallbacks, Strategy


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"algorithm": "semantic"}, "use tiers"),
        ({"algorithm": "chash"}, "needs key"),
        ({"algorithm": "tiers"}, "needs tiers"),
        ({"tiers": [{"name": "a", "targets": ["x"]}]}, "only with algorithm tiers"),
        ({"probe_share": 0.1}, "only with algorithm latency"),
        ({"algorithm": "tiers", "tiers": [{"name": "a", "targets": ["x"]}] * 2}, "two tiers are called 'a'"),
        (
            {
                "algorithm": "tiers",
                "tiers": [{"name": "a", "targets": ["x"]}],
                "rules": [{"when": [["uri", "==", "/"]], "tier": "b"}],
            },
            "names the tier 'b'",
        ),
        (
            {
                "algorithm": "tiers",
                "tiers": [{"name": "a", "targets": ["x"], "up_to": 0.9}, {"name": "b", "targets": ["y"], "up_to": 0.5}],
            },
            "must not fall",
        ),
        ({"algorithm": "tiers", "tiers": [{"name": "a", "targets": []}]}, "at least 1 item"),
    ],
)
def test_mistakes_are_named(value: dict[str, Any], said: str) -> None:
    """What an option belongs to, what is missing, what contradicts."""
    with pytest.raises(ValidationError, match=said):
        Strategy.model_validate(value)


def test_tiers_name_targets_that_are_there() -> None:
    """A model's are called like their providers, or like provider and model."""
    targets = [{"provider": "openai", "model": "gpt-5"}, {"provider": "openai", "model": "gpt-5-mini"}]
    tiers = [{"name": "small", "targets": ["openai/gpt-5-mini"]}, {"name": "large", "targets": ["openai"]}]
    strategy = {"algorithm": "tiers", "tiers": tiers}
    for large in ("openai", "openai/gpt-5"):
        tiers[1]["targets"] = [large]
        assert Model.model_validate({"targets": targets, "strategy": strategy}).strategy.tiers[1].targets == [large]
    with pytest.raises(ValidationError, match="names 'openai/gpt-5-mini', which is no target; there are openai"):
        Model.model_validate({"targets": targets[:1], "strategy": strategy})


def test_defaults_are_apisixs() -> None:
    """Round robin by weight; nobody takes over."""
    assert Strategy().algorithm == "roundrobin"
    assert Fallbacks().availability == []
    assert Strategy.model_validate({"algorithm": "chash", "hash_on": "consumer"}).key is None
