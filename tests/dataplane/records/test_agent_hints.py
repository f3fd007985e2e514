"""Which agent and which session, as real clients say it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.records.agent_hints import agent_of, session_of

from tests.support.services import request


def exchange(headers: dict[str, str], body: dict[str, Any] | None = None) -> Any:
    ex = request(None, "/v1/messages", method="POST", headers=headers)  # type: ignore[arg-type]
    ex.document = RequestDocument(json.dumps(body or {}).encode())
    return ex


@pytest.mark.parametrize(
    ("headers", "body", "session"),
    [
        ({"x-claude-code-session-id": "a-1"}, {}, "a-1"),
        ({"session-id": "c-1", "thread-id": "t"}, {"prompt_cache_key": "k"}, "c-1"),
        ({}, {"metadata": {"user_id": '{"device_id":"d","session_id":"s-1"}'}}, "s-1"),
        ({}, {"metadata": {"user_id": "user_x_account__session_s-2"}}, "s-2"),
        ({}, {"metadata": {"user_id": "{broken"}, "prompt_cache_key": "k-1"}, "k-1"),
        ({}, {"metadata": {"user_id": "somebody"}}, ""),
        ({}, {"metadata": 7, "prompt_cache_key": 8}, ""),
        ({"x-session-id": "x" * 500}, {}, "x" * 128),
    ],
)
def test_the_session_is_found_where_clients_put_it(headers: dict[str, str], body: dict[str, Any], session: str) -> None:
    assert session_of(exchange(headers, body)) == session


def test_the_agent_is_the_first_product_of_its_user_agent() -> None:
    assert agent_of(exchange({"user-agent": "claude-cli/2.1.197 (external, sdk-cli)"})) == "claude-cli/2.1.197"
    assert agent_of(exchange({})) == ""
