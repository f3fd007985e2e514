"""Bodies as they go out. The whole path is tested in test_answers."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.dispatch.attempts.outgoing import merge

from tests.support.dispatching import bench
from tests.support.providers import answer, openai_reply, providers


@pytest.mark.parametrize(
    ("base", "over", "force", "result"),
    [
        ({"a": 1}, {"a": 2, "b": 3}, False, {"a": 1, "b": 3}),
        ({"a": 1}, {"a": 2, "b": 3}, True, {"a": 2, "b": 3}),
        ({"a": {"x": 1}}, {"a": {"y": 2}}, False, {"a": {"x": 1, "y": 2}}),
        ({"a": [1]}, {"a": [2, 3]}, True, {"a": [2, 3]}),
        ({"a": {"x": 1}}, {"a": 5}, True, {"a": 5}),
    ],
)
def test_objects_merge_deeply_and_arrays_are_replaced(base: Any, over: Any, force: bool, result: Any) -> None:
    """APISIX's rules for partial bodies."""
    assert merge(base, over, force=force) == result


@pytest.mark.parametrize(("asked", "sent"), [({}, 100), ({"max_tokens": 10}, 10), ({"max_tokens": 500}, 100)])
async def test_a_cap_is_never_raised_and_never_exceeded(asked: dict[str, Any], sent: int) -> None:
    """``max_tokens_cap`` stands in for a missing limit and lowers a larger one."""
    async with bench() as gate, providers(answer(200, openai_reply())) as [fake]:
        override = {"endpoint": fake.url, "llm_options": {"max_tokens_cap": 100}}
        plugins = {"ai-proxy": {"provider": "openai-compatible", "auth": {"header": {}}, "override": override}}
        await gate.load(routes={"1": {"uri": "/v1/chat/completions", "plugins": plugins}})
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **asked}
        assert (await gate.ask(body)).status == 200
        assert fake.received[0].json["max_tokens"] == sent
