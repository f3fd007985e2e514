"""Errors as Google's clients expect them."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.errors import GatewayError

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def error_status(error: GatewayError) -> int:
    """Google has no 529: an overloaded service is unavailable."""
    return 503 if error.status == 529 else error.status


def own_error(body: Any) -> dict[str, Any] | None:
    """A provider's error document if it is in this format (Google also sends it in a list)."""
    if isinstance(body, list) and body:
        body = body[0]
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict) and isinstance(error.get("status"), str) and isinstance(error.get("message"), str):
        return {"error": error}
    return None


def write_error(error: GatewayError, request_id: str) -> bytes:
    """The error's body: the provider's own when it speaks this format, else ours."""
    own = own_error(error.provider_body)
    if own is not None:
        return msgspec.json.encode(own)
    status = error_status(error)
    details = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": error.code, "domain": "tollhouse"}
    if error.param or request_id:
        told = {"field": error.param or "", "requestId": request_id}
        details["metadata"] = {name: value for name, value in told.items() if value}  # type: ignore[assignment]
    shown: dict[str, Any] = {
        "code": status,
        "message": error.message,
        "status": _STATUS.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT"),
        "details": [details],
    }
    return msgspec.json.encode({"error": shown})
