"""What a vendor's refusal means: by its own words first, by its status second."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from tollhouse.dataplane.errors import FailureClass
from tollhouse.dataplane.provider import UpstreamFailure

_REDIRECTED = (
    "The provider answered {}, a redirect. It is not followed, because the provider's key goes to the configured "
    "address only: configure the address it leads to."
)

_CONTEXT = (
    "context_length_exceeded",
    "maximum context length",
    "context window",
    "prompt is too long",
    "input is too long",
    "too many tokens",
    "exceeds the model's context",
    "exceed context limit",
    "reduce the length of the messages",
    "string_above_max_length",
)
_CONTENT = (
    "content_filter",
    "content_policy",
    "content policy",
    "content management policy",
    "responsibleaipolicyviolation",
    "safety system",
    "usage policy",
    "usage policies",
    "data_inspection_failed",
    "output blocked by content filtering",
)
_QUOTA = ("insufficient_quota", "billing", "credit balance", "insufficient balance", "exceeded your current quota")
_DEAD_KEY = ("invalid_api_key", "incorrect api key", "invalid x-api-key", "api key not valid", "authentication_error")
_NO_MODEL = ("model_not_found", "does not exist", "model not found", "no such model", "unknown model")
_OVERLOADED = ("overloaded", "engine is currently", "at capacity", "service_unavailable")

_KINDS: dict[int, tuple[FailureClass, str]] = {
    401: ("next", "auth"),
    402: ("next", "quota"),
    403: ("next", "auth"),
    404: ("next", "not_found"),
    408: ("next", "timeout"),
    409: ("next", "server_error"),
    424: ("next", "server_error"),  # Bedrock: the model failed
    425: ("next", "server_error"),
    429: ("next", "rate_limited"),
    503: ("next", "overloaded"),
    504: ("next", "timeout"),
    529: ("next", "overloaded"),
}


_FINDINGS = 5
"""Of a validator's findings, how many are told."""


def read_failure(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
    """What an answer other than 2xx means."""
    if 300 <= status < 400:
        return UpstreamFailure("next", "invalid_reply", status, _REDIRECTED.format(status))
    document = _parse(body)
    words, message = _words(document, body, status)
    retry_after_s = read_retry_after(headers)
    failure_class, kind = _classify(status, words)
    return UpstreamFailure(failure_class, kind, status, message, retry_after_s, document)


def read_stream_failure(error_type: str, message: str) -> UpstreamFailure:
    """What an error event inside a 200 stream means. Nothing tells its status, so its words are all there is."""
    words = f"{error_type} {message}".lower()
    status = 500
    for part, implied in _STREAM_STATUS:
        if part in words:
            status = implied
            break
    failure_class, kind = _classify(status, words)
    return UpstreamFailure(failure_class, kind, status, message or error_type)


_STREAM_STATUS = (
    ("overloaded", 529),
    ("rate_limit", 429),
    ("rate limit", 429),
    ("insufficient_quota", 429),
    ("context_length", 400),
    ("content_filter", 400),
    ("invalid_request", 400),
    ("authentication", 401),
    ("permission", 403),
    ("not_found", 404),
    ("timeout", 504),
    ("service_unavailable", 503),
)


def _classify(status: int, words: str) -> tuple[FailureClass, str]:
    if status < 400:
        return "next", "invalid_reply"
    if status in (400, 413, 422) or status == 403:
        if _any(words, _CONTENT):
            return "final", "content_refused"
        if _any(words, _CONTEXT):
            return "final", "context_too_long"
    if status in (400, 404) and "previous_response_not_found" in words:
        return "next", "not_found"  # another account may have made it
    if status == 400:
        if _any(words, _QUOTA):
            return "next", "quota"
        if _any(words, _DEAD_KEY):
            return "next", "auth"
        if _any(words, _NO_MODEL) and "model" in words:
            return "next", "not_found"
    if status == 429 and _any(words, _QUOTA):
        return "next", "quota"
    if status == 429 and _any(words, _OVERLOADED):
        return "next", "overloaded"
    if status in _KINDS:
        return _KINDS[status]
    if status >= 500:
        return "next", "overloaded" if _any(words, _OVERLOADED) else "server_error"
    return "final", "bad_request"


def _any(words: str, needles: tuple[str, ...]) -> bool:
    return any(needle in words for needle in needles)


def _parse(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _words(document: Any, body: bytes, status: int) -> tuple[str, str]:
    """All words that may tell the cause, in lower case; and the vendor's sentence."""
    if isinstance(document, list) and document:  # Gemini wraps its error in a list
        document = document[0]
    error = document.get("error", document) if isinstance(document, dict) else None
    if isinstance(error, dict):
        message = next(filter(None, (_sentence(error.get(key)) for key in ("message", "detail", "msg"))), "")
        tags = " ".join(str(error.get(key) or "") for key in ("type", "code", "status"))
        return f"{tags} {message}".lower(), message or f"The provider answered {status}."
    if isinstance(error, str):
        return error.lower(), error
    text = body[:500].decode("utf-8", "replace").strip()
    if not text or text.startswith("<"):
        return text.lower(), f"The provider answered {status}."
    return text.lower(), text


def _sentence(value: Any) -> str:
    """What a vendor says: a sentence, or the findings of its validator (Mistral, vLLM)."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        place = value.get("loc")
        told = _sentence(value.get("detail") or value.get("msg") or value.get("message"))
        return f"{'.'.join(map(str, place))}: {told}" if told and isinstance(place, list) else told
    if isinstance(value, list):
        return "; ".join(filter(None, map(_sentence, value[:_FINDINGS])))
    return ""


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from ``retry-after-ms`` or ``retry-after`` (seconds, or a date beside the answer's ``date``)."""
    millis = _number(headers.get("retry-after-ms"))
    if millis is not None:
        return millis / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None or not text:
        return seconds
    try:
        difference = parsedate_to_datetime(text) - parsedate_to_datetime(headers["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return max(0.0, difference.total_seconds())


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < 1e9 else None
