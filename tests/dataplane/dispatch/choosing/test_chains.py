"""Who takes over for which reason, through a whole gateway."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.permitted import ALLOWED

from tests.support.dispatching import Bench, chat, instance
from tests.support.providers import answer, openai_reply, providers

REFUSAL = answer(400, {"error": {"message": "flagged", "type": "invalid_request_error", "code": "content_filter"}})
TOO_LONG = answer(400, {"error": {"message": "too long", "code": "context_length_exceeded"}})
GOOD = answer(200, openai_reply())


@pytest.mark.parametrize(("behaviour", "reason"), [(REFUSAL, "content_refused"), (TOO_LONG, "context_too_long")])
async def test_an_instance_of_weight_0_serves_only_its_chain(gate: Bench, behaviour: Any, reason: str) -> None:
    """Named for one reason, it is asked for that and nothing else."""
    async with providers(behaviour, GOOD, GOOD) as [first, second, spare]:
        await gate.multi(
            instance("a", "openai", first.url, priority=1),
            instance("b", "openai", second.url),
            instance("spare", "openai", spare.url, weight=0),
            fallback_strategy="any",
            fallbacks={reason: ["spare"]},
        )
        got = await gate.ask(chat())
        assert [one.target for one in got.ex.attempts] == ["a", "spare"]
        await first.stop()
        got = await gate.ask(chat())
        assert [one.target for one in got.ex.attempts] == ["a", "b"]


async def test_models_name_models(gate: Bench) -> None:
    """A model's chain leads to another model's targets, if the caller may use that model."""
    async with providers(REFUSAL, GOOD) as [first, second]:
        await gate.load(
            providers={
                "one": {"type": "openai", "endpoint": first.url},
                "two": {"type": "openai", "endpoint": second.url},
            },
            models={
                "strict": {
                    "targets": [{"provider": "one", "model": "gpt-4o"}],
                    "fallbacks": {"content_refused": ["nobody", "lenient"]},
                },
                "lenient": {"targets": [{"provider": "two", "model": "gpt-4o-mini"}]},
            },
            routes={"all": {"uri": "/*", "plugins": {"ai-proxy-multi": {"models": "*"}}}},
        )
        got = await gate.ask(chat(model="strict"))
        assert (got.status, got.header("x-tollhouse-model")) == (200, "gpt-4o-mini")
        assert second.received[0].json["model"] == "gpt-4o-mini"


async def test_every_hop_is_permitted(gate: Bench) -> None:
    """A caller who may not ask for the other model does not get there by being refused."""
    from tollhouse.dataplane.dispatch.choosing.chains import chain_targets
    from tollhouse.proto.resources.strategy import Fallbacks

    await gate.load(
        providers={"one": {"type": "openai", "endpoint": "http://127.0.0.1:1"}},
        models={"lenient": {"targets": [{"provider": "one", "model": "gpt-4o-mini"}]}},
        routes={"all": {"uri": "/*", "plugins": {"ai-proxy-multi": {"models": "*"}}}},
    )
    _, ex = await gate.begin(chat(model="lenient"))
    fallbacks = Fallbacks(budget=["lenient"])
    assert [one.model for one in chain_targets(ex, fallbacks, [])["budget"]] == ["gpt-4o-mini"]
    ex.state[ALLOWED] = ["strict"]
    assert chain_targets(ex, fallbacks, []) == {}


async def test_explaining_says_who_would_take_over_and_who_may_not(gate: Bench) -> None:
    """With the reason, as for ordinary targets."""
    from tollhouse.dataplane.dispatch.choosing.chains import explain_chains
    from tollhouse.proto.resources.strategy import Fallbacks

    await gate.load(
        providers={"one": {"type": "openai", "endpoint": "http://127.0.0.1:1"}},
        models={
            "lenient": {"targets": [{"provider": "one", "model": "gpt-4o-mini"}]},
            "one": {"targets": [{"provider": "one", "model": "gpt-4o"}]},
            "blind": {"targets": [{"provider": "one", "model": "x"}], "capabilities": {"tools": False}},
        },
        routes={"all": {"uri": "/*", "plugins": {"ai-proxy-multi": {"models": "*"}}}},
    )
    tools = [{"type": "function", "function": {"name": "f"}}]
    _, ex = await gate.begin(chat(model="lenient", tools=tools))
    fallbacks = Fallbacks(availability=["lenient", "blind", "nobody"], budget=["one"])
    told = [(one.name, one.model, one.reason) for one in explain_chains(ex, fallbacks, [])]
    assert told == [
        ("one", "gpt-4o-mini", "takes over for availability"),
        ("one", "x", "would take over for availability, but cannot do tools"),
        ("nobody", "", "is named for availability, but there is no such target or model"),
        ("one", "gpt-4o", "takes over for budget"),
    ]
    ex.state[ALLOWED] = ["lenient"]
    assert explain_chains(ex, fallbacks, [])[-1].reason == "would take over for budget, but the caller may not use one"
