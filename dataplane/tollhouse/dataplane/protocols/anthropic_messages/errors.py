"""Errors as Anthropic's clients expect them."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.errors import GatewayError

_TYPE_BY_STATUS = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_status(error: GatewayError) -> int:
    """A spent budget is 402 here, which SDKs and agents do not repeat."""
    return 402 if error.code == "budget_exceeded" else error.status


def error_type(error: GatewayError) -> str:
    """``error.type``, which goes by status in this format."""
    status = error_status(error)
    if status in _TYPE_BY_STATUS:
        return _TYPE_BY_STATUS[status]
    return "api_error" if status >= 500 else "invalid_request_error"


def is_own_error(body: Any) -> bool:
    """Whether a provider's error document is in this format."""
    if not isinstance(body, dict) or body.get("type") != "error":
        return False
    error = body.get("error")
    return isinstance(error, dict) and isinstance(error.get("message"), str)


def write_error(error: GatewayError, request_id: str) -> bytes:
    """The error's body: the provider's own when it speaks this format, else ours. ``code`` and ``param`` are ours:
    SDKs keep them in the error's body and otherwise ignore them."""
    if is_own_error(error.provider_body):
        return msgspec.json.encode(error.provider_body)
    shown: dict[str, Any] = {"type": error_type(error), "message": error.message, "code": error.code}
    if error.param:
        shown["param"] = error.param
    body: dict[str, Any] = {"type": "error", "error": shown}
    if request_id:
        body["request_id"] = request_id
    return msgspec.json.encode(body)


def retry_headers(error: GatewayError) -> dict[str, str]:
    """Says in so many words that a spent budget is not worth a second try."""
    return {"x-should-retry": "false"} if error.code == "budget_exceeded" else {}
