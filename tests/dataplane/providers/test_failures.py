"""What vendors' refusals mean, by table."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.providers._failures import read_failure, read_stream_failure
from tollhouse.dataplane.registry import provider_types

OPENAI_KEY = (
    b'{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","code":"invalid_api_key"}}'
)
OPENAI_LONG = (
    b'{"error":{"message":"This model\'s maximum context length is 8192 tokens","type":"invalid_request_error",'
    b'"code":"context_length_exceeded"}}'
)
ANTHROPIC_LONG = b'{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000"}}'
AZURE_FILTER = b'{"error":{"message":"The response was filtered","code":"content_filter","status":400}}'
OPENAI_QUOTA = b'{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}'
ANTHROPIC_CREDIT = (
    b'{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}'
)
ANTHROPIC_BUSY = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
GEMINI_KEY = b'[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}]'


@pytest.mark.parametrize(
    ("status", "body", "failure_class", "kind"),
    [
        (401, OPENAI_KEY, "next", "auth"),
        (402, b"{}", "next", "quota"),
        (403, b"{}", "next", "no_access"),
        (404, b'{"error":{"message":"model gone"}}', "next", "not_found"),
        (408, b"", "next", "timeout"),
        (409, b"", "retry", "server_error"),
        (424, b'{"message":"The model failed."}', "next", "server_error"),
        (425, b"", "retry", "server_error"),
        (429, b"{}", "next", "rate_limited"),
        (429, OPENAI_QUOTA, "next", "quota"),
        (500, b"<html>", "next", "server_error"),
        (502, b"", "next", "server_error"),
        (503, b"", "next", "overloaded"),
        (504, b"", "next", "timeout"),
        (529, ANTHROPIC_BUSY, "next", "overloaded"),
        (400, OPENAI_LONG, "final", "context_too_long"),
        (400, ANTHROPIC_LONG, "final", "context_too_long"),
        (413, b"{}", "next", "too_large"),
        (422, b'{"detail":"nope"}', "final", "bad_request"),
        (400, AZURE_FILTER, "final", "content_refused"),
        (400, ANTHROPIC_CREDIT, "next", "quota"),
        (400, GEMINI_KEY, "next", "auth"),
        (400, b'{"error":{"message":"messages: required"}}', "final", "bad_request"),
        (302, b"", "next", "invalid_reply"),
        (400, b'{"error":{"code":"previous_response_not_found","message":"resp_1 not found."}}', "next", "not_found"),
    ],
)
def test_refusals_by_meaning(status: int, body: bytes, failure_class: str, kind: str) -> None:
    """The words outweigh the status."""
    failure = read_failure(status, {}, body)
    assert (failure.failure_class, failure.kind) == (failure_class, kind)


def test_the_vendors_sentence_is_kept() -> None:
    """Agents show it."""
    assert read_failure(401, {}, OPENAI_KEY).message == "Incorrect API key provided"
    assert read_failure(500, {}, b"<html>secret</html>").message == "The provider answered 500."
    assert read_failure(500, {}, b"plain words").message == "plain words"
    assert read_failure(500, {}, b'{"error":"words"}').message == "words"


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("overloaded_error", "overloaded"),
        ("rate_limit_error", "rate_limited"),
        ("insufficient_quota", "quota"),
        ("server_error", "server_error"),
        ("authentication_error", "auth"),
        ("invalid_request_error", "bad_request"),
    ],
)
def test_errors_inside_a_stream(type_: str, kind: str) -> None:
    """Only the words are there."""
    assert read_stream_failure(type_, "x").kind == kind


def test_an_agents_own_tools_are_no_keys_of_ours() -> None:
    """What a sentence says of permissions shuts nothing; what a tag says does."""
    told = "Error retrieving tool list from MCP server: authentication failed, permission denied."
    assert read_stream_failure("server_error", told).kind == "server_error"
    assert read_stream_failure("authentication_error", "x").kind == "auth"


def test_every_vendor_is_complete() -> None:
    """An address or none, a path per format, a key by reference only."""
    for name, vendor in provider_types().items():
        assert vendor.type == name
        assert vendor.otel_name
        assert all(path.startswith("/") for path in vendor.speaks.values())
        assert vendor.endpoint == "" or vendor.endpoint.startswith("https://")
        assert vendor.default_key == "" or vendor.default_key.startswith("$env://")


@pytest.mark.parametrize(
    "body",
    [
        b'{"object":"error","message":{"detail":[{"loc":["body","a"],"msg":"not permitted"},{"msg":"too long"}]}}',
        b'{"detail":[{"loc":["body","a"],"msg":"not permitted"},{"msg":"too long","loc":7}]}',
    ],
)
def test_findings_of_a_validator_are_told(body: bytes) -> None:
    """Mistral's shape and FastAPI's."""
    assert read_failure(422, {}, body).message == "body.a: not permitted; too long"
    assert read_failure(422, {}, b'{"message":{"detail":[{},1,null]}}').message == "The provider answered 422."


def test_an_error_of_nothing_is_looked_for_beside_it() -> None:
    """Some servers send an empty field along."""
    assert read_failure(400, {}, b'{"error":null,"message":"prompt is too long"}').kind == "context_too_long"
