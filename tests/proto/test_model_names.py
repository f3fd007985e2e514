"""Models named by other objects."""

from __future__ import annotations

from typing import Any

from tollhouse.proto.check import check_model_names
from tollhouse.proto.model_names import named_models

Objects = dict[tuple[str, str], dict[str, Any]]

MODELS: Objects = {
    ("models", "claude"): {"aliases": ["best"], "targets": [{"provider": "anthropic", "model": "x"}]},
    ("providers", "anthropic"): {"type": "anthropic"},
}


def route(**config: Any) -> dict[str, Any]:
    return {"uri": "/v1/*", "plugins": {"ai-proxy-multi": config}}


def told(written: Objects) -> list[tuple[str, str]]:
    return [(one.where, one.what) for one in check_model_names({**MODELS, **written}, written)]


def test_a_name_that_no_model_has_is_told_with_its_place_and_the_nearest_name() -> None:
    assert told({("routes", "r"): route(models=["claude", "best", "cluade", "nope"])}) == [
        ("routes/r.plugins.ai-proxy-multi.models.2", "there is no model 'cluade'; did you mean 'claude'?"),
        ("routes/r.plugins.ai-proxy-multi.models.3", "there is no model 'nope'"),
    ]
    assert told({("routes", "r"): route(models="*")}) == []


def test_chains_may_name_instances_models_and_providers() -> None:
    instances = [{"name": "main"}, {"name": "spare"}]
    chains = {"availability": ["spare", "best", "gone"], "budget": ["anthropic"]}
    assert [where for where, _ in told({("services", "s"): route(instances=instances, fallbacks=chains)})] == [
        "services/s.plugins.ai-proxy-multi.fallbacks.availability.2"
    ]
    model = {"targets": [{"provider": "openai", "model": "m"}], "fallbacks": {"budget": ["openai/m", "best", "gpt"]}}
    assert told({("models", "cheap"): model}) == [("models/cheap.fallbacks.budget.2", "there is no model 'gpt'")]


def test_what_is_not_shaped_as_it_should_be_names_nothing() -> None:
    """Wrong types are told by the schema's check; here they must not raise."""
    odd: list[Any] = [None, [], {"models": [1]}, {"fallbacks": {"budget": "x"}}, {"instances": 3, "fallbacks": []}]
    for config in odd:
        assert not list(named_models("routes", {"plugins": {"ai-proxy-multi": config}}))
