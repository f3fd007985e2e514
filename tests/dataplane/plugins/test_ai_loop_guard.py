"""The very same request again and again: refused or told, per session, without a second look at anything else."""

from __future__ import annotations

from typing import Any

import pytest
from multidict import CIMultiDict
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.ai_loop_guard import AiLoopGuard, LoopGuardConfig
from tollhouse.dataplane.spending import Alert

from tests.support.prompts import exchange
from tests.support.services import plain_services


def guard(**config: Any) -> tuple[AiLoopGuard, list[Alert]]:
    services, told = plain_services(), []
    services.alert = told.append
    return AiLoopGuard(LoopGuardConfig(**config), Place("routes", "r"), services), told


def asked(text: str = "again", session: str = "", consumer: str = "coder", **fields: Any) -> Any:
    ex = exchange({"model": "m", "messages": [{"role": "user", "content": text}], **fields})
    ex.consumer_name = consumer
    if session:
        ex.headers = CIMultiDict({"x-tollhouse-session": session})  # type: ignore[assignment]
    return ex


async def test_the_same_request_too_often_is_refused_and_told() -> None:
    """Limits and streaming make no difference; other text, sessions and consumers do."""
    one, told = guard(count=2)
    for ex in (asked(), asked(max_tokens=5, stream=True)):
        await one.request(ex)
    with pytest.raises(ClientError) as refused:
        await one.request(asked(temperature=1))
    assert (refused.value.status, refused.value.code) == (429, "request_repeated")
    assert refused.value.headers["x-should-retry"] == "false"
    assert [(alert.event, alert.subject) for alert in told] == [("repeated_request", "coder")]
    assert "again" not in str(told[0].details)
    for ex in (asked("else"), asked(session="s2"), asked(consumer="tester")):
        await one.request(ex)


async def test_it_may_only_tell_and_look_at_consumers() -> None:
    """All sessions of a consumer together; nothing is refused."""
    one, told = guard(count=1, action="alert", scope="consumer")
    for session in ("a", "b"):
        await one.request(asked(session=session))
    assert [alert.subject for alert in told] == ["coder"]
