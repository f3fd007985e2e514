"""Errors as OpenAI's clients expect them."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.errors import GatewayError

_TYPE_BY_STATUS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}

_CODES = {
    "rate_limited": "rate_limit_exceeded",
    "provider_rate_limited": "rate_limit_exceeded",
    "budget_exceeded": "insufficient_quota",
    "prompt_denied": "content_policy_violation",
    "content_blocked": "content_policy_violation",
    "content_refused": "content_policy_violation",
    "invalid_key": "invalid_api_key",
    "missing_key": "invalid_api_key",
    "not_identified": "invalid_api_key",
    "context_too_long": "context_length_exceeded",
}
"""Our code -> the word SDKs and agents already look for. Others go out as they are."""


def error_type(error: GatewayError) -> str:
    """``error.type``."""
    if error.code == "budget_exceeded":
        return "insufficient_quota"
    if error.status in _TYPE_BY_STATUS:
        return _TYPE_BY_STATUS[error.status]
    return "server_error" if error.status >= 500 else "invalid_request_error"


def error_code(error: GatewayError) -> str:
    """``error.code``."""
    return _CODES.get(error.code, error.code)


def is_own_error(body: Any) -> bool:
    """Whether a provider's error document is in this format."""
    if not isinstance(body, dict) or body.get("type") == "error":
        return False
    error = body.get("error")
    return isinstance(error, dict) and isinstance(error.get("message"), str)


def write_error(error: GatewayError, request_id: str) -> bytes:
    """The error's body: the provider's own when it speaks this format, else ours."""
    if is_own_error(error.provider_body):
        return msgspec.json.encode(error.provider_body)
    shown: dict[str, Any] = {
        "message": error.message,
        "type": error_type(error),
        "param": error.param,
        "code": error_code(error),
    }
    return msgspec.json.encode({"error": shown, "request_id": request_id} if request_id else {"error": shown})


def retry_headers(error: GatewayError) -> dict[str, str]:
    """SDKs repeat every 429; a spent budget does not come back in seconds."""
    return {"x-should-retry": "false"} if error.code == "budget_exceeded" else {}
