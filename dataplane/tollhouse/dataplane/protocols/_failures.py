"""What a provider's error event means as an error of ours: the status its type stands for, its own words kept."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.errors import UpstreamError

INVALID_STREAM = "invalid_stream"
"""The type of failures that are ours to tell: what came is no stream of the format."""

NO_ANSWER = "the provider's stream ended without an answer in it"

STATUS_BY_TYPE: dict[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "tokens": 429,
    "requests": 429,
    "api_error": 500,
    "server_error": 500,
    "internal_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
    "overloaded": 529,
    "service_unavailable": 503,
}


def stream_failure(type_: str, message: str, status: int = 0, body: Any = None) -> UpstreamError:
    """The error an event inside a 200 stream stands for. Its ``code`` is the provider's own type."""
    error = UpstreamError(status or STATUS_BY_TYPE.get(type_, 502), type_ or "upstream_error", message)
    error.provider_body = body
    return error


def invalid_reply(what: str) -> UpstreamError:
    """A reply that is not in the format the provider was to speak."""
    return UpstreamError(502, "invalid_upstream_reply", f"The provider's reply could not be read: {what}.")
