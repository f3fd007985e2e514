"""Errors in OpenAI's shape."""

from __future__ import annotations

import json

import pytest
from tollhouse.dataplane.errors import ClientError, GatewayError, GatewayFault, UpstreamError
from tollhouse.dataplane.protocol import ReplyContext

from tests.support.protocols import OPENAI, protocol


@pytest.mark.parametrize(
    ("error", "type_", "code"),
    [
        (ClientError(400, "invalid_json", "m"), "invalid_request_error", "invalid_json"),
        (ClientError(401, "missing_key", "m"), "authentication_error", "invalid_api_key"),
        (ClientError(403, "model_not_allowed", "m"), "permission_error", "model_not_allowed"),
        (ClientError(404, "model_not_found", "m"), "invalid_request_error", "model_not_found"),
        (ClientError(429, "rate_limited", "m"), "rate_limit_error", "rate_limit_exceeded"),
        (ClientError(429, "budget_exceeded", "m"), "insufficient_quota", "insufficient_quota"),
        (ClientError(400, "prompt_denied", "m"), "invalid_request_error", "content_policy_violation"),
        (ClientError(418, "some_new_code", "m"), "invalid_request_error", "some_new_code"),
        (UpstreamError(503, "all_targets_failed", "m"), "server_error", "all_targets_failed"),
        (UpstreamError(529, "overloaded_error", "m"), "server_error", "overloaded_error"),
        (GatewayFault(), "server_error", "gateway_fault"),
    ],
)
def test_types_go_by_status_and_codes_are_the_words_clients_look_for(
    error: GatewayError, type_: str, code: str
) -> None:
    body = json.loads(protocol(OPENAI).encode_error(error, "r1"))
    assert body == {
        "error": {"message": error.message, "type": type_, "param": None, "code": code},
        "request_id": "r1",
    }
    assert protocol(OPENAI).error_status(error) == error.status


def test_only_a_spent_budget_is_not_worth_a_retry() -> None:
    assert protocol(OPENAI).error_headers(ClientError(429, "budget_exceeded", "m")) == {"x-should-retry": "false"}
    assert protocol(OPENAI).error_headers(ClientError(429, "rate_limited", "m")) == {}


def test_a_provider_of_the_same_format_is_quoted_and_one_of_another_translated() -> None:
    error = UpstreamError(400, "bad_request", "Bad thing")
    error.provider_body = {
        "error": {"message": "Bad thing", "type": "invalid_request_error", "param": "x", "code": "y"}
    }
    assert json.loads(protocol(OPENAI).encode_error(error, "r1")) == error.provider_body
    error.provider_body = {"type": "error", "error": {"type": "invalid_request_error", "message": "Bad thing"}}
    assert json.loads(protocol(OPENAI).encode_error(error, "r1"))["error"]["code"] == "bad_request"


def test_an_error_in_a_stream_is_an_event_without_an_end_mark() -> None:
    raw = protocol(OPENAI).stream_encoder(ReplyContext("m")).error(UpstreamError(502, "cut", "The stream broke."), "r1")
    assert raw.startswith(b'data: {"error":')
    assert raw.endswith(b"}\n\n")
    assert b"[DONE]" not in raw
