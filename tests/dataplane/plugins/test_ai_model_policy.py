"""Who may use which models and providers."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.records.verdicts import verdicts_of

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
