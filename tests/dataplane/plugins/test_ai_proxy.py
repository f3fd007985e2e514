"""``ai-proxy``: one provider, one try."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.registry import check_plugin, normalise_plugins

from tests.support.dispatching import bench, chat
from tests.support.providers import OPENAI_ERRORS, answer, openai_reply, providers


def test_apisix_json_is_taken_unchanged() -> None:
    """The documented fields, all at once."""
    config = {
        "provider": "openai",
        "auth": {"header": {"Authorization": "Bearer x"}, "query": {"a": "b"}},
        "options": {"model": "gpt-4o", "anything": {"goes": 1}},
        "override": {
            "endpoint": "http://127.0.0.1:1",
            "llm_options": {"max_tokens": 5},
            "request_body": {"openai_chat": {"a": 1}},
            "request_body_force_override": True,
        },
        "timeout": 1000,
        "max_req_body_size": 100,
        "max_stream_duration_ms": 5,
        "max_response_bytes": 5,
        "keepalive": False,
        "streaming_flush_interval_ms": 0,
        "logging": {"summaries": True},
    }
    assert check_plugin("ai-proxy", config, "p") == []


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, "provider"),
        (
            {"provider": "openai", "queue": {}, "models": "*"},
            "models, queue: ai-proxy sends to one target once; use ai-p",
        ),
        ({"provider": "openai-compatible"}, "set override.endpoint"),
        ({"provider": "openai", "auth": {"cookie": {}}}, "unknown field"),
        ({"provider": "openai", "timeout": 0}, "timeout"),
        ({"provider": "openai", "logging": {"payloads": True}}, "include_req_body"),
        ({"provider": "openai", "provider_conf": {"region": "x"}}, "bedrock and vertex-ai"),
        ({"provider": "vertex-ai", "provider_conf": {"region": "x"}}, "project_id"),
    ],
)
def test_mistakes_are_named(config: dict[str, object], told: str) -> None:
    """The field and the remedy."""
    assert told in "\n".join(map(str, check_plugin("ai-proxy", config, "p")))


def test_options_at_the_top_level_are_an_alias() -> None:
    """Rewritten on write, with a note."""
    route = {"plugins": {"ai-proxy": {"provider": "openai", "max_tokens": 5, "temperature": 0}}}
    assert len(normalise_plugins(route)) == 2
    assert route["plugins"]["ai-proxy"] == {
        "provider": "openai",
        "override": {"llm_options": {"max_tokens_cap": 5}},
        "options": {"temperature": 0},
    }


async def test_one_try_whatever_comes() -> None:
    """The provider's answer is the answer; the target is called as in APISIX."""
    async with bench() as gate, providers((answer(429, OPENAI_ERRORS[429]), answer(200, openai_reply()))) as [fake]:
        plugins = {
            "ai-proxy": {"provider": "openai", "override": {"endpoint": fake.url}, "options": {"model": "gpt-4o"}}
        }
        await gate.load(routes={"r": {"uri": "/*", "plugins": plugins}})
        got = await gate.ask(chat())
        assert (got.status, len(fake.received)) == (429, 1)
        got = await gate.ask(chat())
        assert got.header("x-tollhouse-target") == "ai-proxy-openai"
        assert fake.received[1].json["model"] == "gpt-4o"
