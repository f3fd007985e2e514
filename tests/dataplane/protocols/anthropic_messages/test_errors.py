"""Errors in Anthropic's shape."""

from __future__ import annotations

import json

import pytest
from tollhouse.dataplane.errors import ClientError, GatewayError, GatewayFault, UpstreamError

from tests.support.protocols import ANTHROPIC, protocol


@pytest.mark.parametrize(
    ("error", "status", "type_"),
    [
        (ClientError(400, "invalid_json", "m"), 400, "invalid_request_error"),
        (ClientError(401, "missing_key", "m"), 401, "authentication_error"),
        (ClientError(403, "model_not_allowed", "m"), 403, "permission_error"),
        (ClientError(404, "model_not_found", "m"), 404, "not_found_error"),
        (ClientError(413, "body_too_large", "m"), 413, "request_too_large"),
        (ClientError(429, "rate_limited", "m"), 429, "rate_limit_error"),
        (ClientError(429, "budget_exceeded", "m"), 402, "billing_error"),
        (UpstreamError(500, "server_error", "m"), 500, "api_error"),
        (UpstreamError(503, "all_targets_failed", "m"), 503, "api_error"),
        (UpstreamError(529, "overloaded_error", "m"), 529, "overloaded_error"),
        (GatewayFault(), 500, "api_error"),
    ],
)
def test_types_go_by_status(error: GatewayError, status: int, type_: str) -> None:
    body = json.loads(protocol(ANTHROPIC).encode_error(error, "r1"))
    assert body["type"] == "error"
    assert body["error"]["type"] == type_
    assert body["error"]["message"] == error.message
    assert body["request_id"] == "r1"
    assert protocol(ANTHROPIC).error_status(error) == status


def test_the_field_at_fault_is_named() -> None:
    body = json.loads(protocol(ANTHROPIC).encode_error(ClientError(400, "invalid_value", "m", param="model"), ""))
    assert body == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "m", "code": "invalid_value", "param": "model"},
    }


def test_a_provider_of_the_same_format_is_quoted_and_one_of_another_translated() -> None:
    error = UpstreamError(400, "bad_request", "Bad thing")
    error.provider_body = {"type": "error", "error": {"type": "invalid_request_error", "message": "Bad thing"}}
    assert json.loads(protocol(ANTHROPIC).encode_error(error, "r1")) == error.provider_body
    error.provider_body = {"error": {"message": "Bad thing", "type": "x"}}
    assert json.loads(protocol(ANTHROPIC).encode_error(error, "r1"))["error"]["type"] == "invalid_request_error"


def test_only_a_spent_budget_is_not_worth_a_retry() -> None:
    assert protocol(ANTHROPIC).error_headers(ClientError(429, "budget_exceeded", "m")) == {"x-should-retry": "false"}
    assert protocol(ANTHROPIC).error_headers(ClientError(429, "rate_limited", "m")) == {}
