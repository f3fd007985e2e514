"""What a configured format shows, and what it must never show."""

import pytest
from tollhouse.dataplane.records.log_format import LogFormat

from tests.support.exchanges import finished_chat

SECRETS = {
    "authorization": "Bearer hush",
    "x-api-key": "hush",
    "cookie": "session=hush",
    "x-agent": "hush",
    "x-amz-security-token": "hush",
    "user-agent": "sdk/1",
}


async def test_a_configured_format() -> None:
    """Variables, constants and nested objects; what has no value is left out; the ids are always there."""
    ex = await finished_chat(headers={"x-team": "blue"})
    fields = {
        "@timestamp": "$time_iso8601",
        "client": "$remote_addr",
        "team": "$http_x_team",
        "none": "$http_x_none",
        "env": "prod",
        "llm": {"model": "$llm_model", "in": "$llm_prompt_tokens", "usd": "$cost_usd"},
    }
    assert LogFormat(fields).entry(ex) == {
        "@timestamp": "2023-11-14T22:30:00.000Z",
        "client": "127.0.0.1",
        "team": "blue",
        "env": "prod",
        "llm": {"model": "gpt-x", "in": 100, "usd": "0.0015"},
        "route_id": "r1",
    }


@pytest.mark.parametrize(
    "variable",
    ["http_authorization", "http_x_api_key", "http_x_agent", "arg_apikey", "cookie_session", "request_uri", "args"],
)
async def test_a_format_cannot_show_a_secret(variable: str) -> None:
    """Also where a format names it, a key is masked."""
    ex = await finished_chat(headers=SECRETS, query="apikey=hush&a=1")
    shown = LogFormat({"x": f"${variable}"}).entry(ex)["x"]
    assert "hush" not in shown
    assert "********" in shown
