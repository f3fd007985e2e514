"""Who may use which models and providers."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.dispatch.choosing.plan import forbidden
from tollhouse.dataplane.dispatch.setup.catalog import Catalog
from tollhouse.dataplane.dispatch.setup.listing import list_models
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.records.verdicts import verdicts_of
from tollhouse.proto.resources.model import Model, Provider

from tests.support.dispatching import bench, instance
from tests.support.prompts import configured, exchange
from tests.support.providers import FakeProvider, answer

RULES = [
    {"consumers": ["jack*"], "models": ["gpt-*"], "deny_models": ["gpt-5*"], "providers": ["local"]},
    {"models": ["small"]},
]


def ask(consumer: str, model: str, **config: Any) -> Any:
    """An exchange after the plugin."""
    ex = exchange({"model": model, "messages": []})
    ex.consumer_name = consumer
    configured("ai-model-policy", rules=RULES, **config).request(ex)
    return ex


def test_the_first_rule_for_the_caller_counts() -> None:
    """Models by pattern, denials first, everybody else by the last rule."""
    ex = ask("jack", "gpt-4o")
    assert ex.state["allowed_models"] == ["gpt-*", "!gpt-5*"]
    assert ex.state["allowed_providers"] == ("local",)
    for consumer, model in (("jack", "gpt-5-mini"), ("jack", "claude"), ("jill", "gpt-4o")):
        with pytest.raises(ClientError) as refused:
            ask(consumer, model)
        assert (refused.value.status, refused.value.code) == (403, "model_not_allowed")
    assert "allowed_providers" not in ask("jill", "small").state


def test_a_caller_without_rule_may_use_nothing() -> None:
    """And a shadow only tells."""
    ex = exchange({"model": "m", "messages": []})
    only = [{"groups": ["red"]}]
    with pytest.raises(ClientError):
        configured("ai-model-policy", rules=only).request(ex)
    ex = exchange({"model": "m", "messages": []})
    configured("ai-model-policy", rules=only, shadow=True).request(ex)
    assert [(one.action, one.shadow) for one in verdicts_of(ex)] == [("block", True)]


async def test_a_fallback_is_held_to_the_same_rule() -> None:
    """The allowed provider fails; the other is not asked."""
    bad = await FakeProvider(answer(500, {"error": {"message": "down"}})).start()
    good = await FakeProvider(answer(200, {"id": "a", "choices": []})).start()
    async with bench() as gate:
        instances = [
            instance("first", "openai-compatible", bad.url, priority=2),
            instance("second", "openai", good.url, auth={"header": {"authorization": "Bearer x"}}),
        ]
        plugins = {
            "ai-proxy-multi": {"instances": instances, "fallback_strategy": ["http_5xx"]},
            "ai-model-policy": {"rules": [{"providers": ["openai-compatible"]}]},
        }
        await gate.load(routes={"r": {"uri": "/*", "plugins": plugins}})
        got = await gate.ask({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
        assert got.status >= 500
        assert bad.received
        assert good.received == []
    await bad.stop()
    await good.stop()


def test_regions_and_lists() -> None:
    """A provider of another region, or of none, is not asked; the list of models shows only what may be used."""
    providers = {
        "eu": Provider.model_validate(
            {"type": "openai-compatible", "endpoint": "http://127.0.0.1:9/v1", "labels": {"region": "eu-west-1"}}
        ),
        "us": Provider.model_validate(
            {"type": "bedrock", "endpoint": "https://bedrock-runtime.us-east-1.amazonaws.com"}
        ),
    }
    models = {name: Model.model_validate({"targets": [{"provider": name, "model": "m"}]}) for name in providers}
    catalog = Catalog.build(models, providers)
    assert [catalog.models[name].targets[0].endpoint.region for name in ("eu", "us")] == ["eu-west-1", "us-east-1"]
    ex = exchange({"model": "eu", "messages": []})
    plugin = configured("ai-model-policy", rules=[{"regions": ["eu-*"]}])
    plugin.request(ex)
    assert forbidden(ex, catalog.models["eu"].targets[0]) == ""
    assert "region us-east-1" in forbidden(ex, catalog.models["us"].targets[0])
    listing = exchange(None)
    plugin.narrow(listing)
    assert [one.id for one in list_models(catalog, None, listing.state.get("allowed_models"), listing.state)] == ["eu"]
    nobody = exchange(None)
    configured("ai-model-policy", rules=[{"consumers": ["jack"]}]).narrow(nobody)
    assert list_models(catalog, None, nobody.state["allowed_models"], nobody.state) == []
