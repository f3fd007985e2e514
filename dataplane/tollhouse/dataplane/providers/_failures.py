"""Reads a vendor's error: its tags and its sentence out of whatever document it sent, then what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.providers._says import Says, meaning
from tollhouse.dataplane.providers._waits import read_retry_after, read_wait

_REDIRECTED = (
    "The provider answered {}, a redirect. It is not followed, because the provider's key goes to the configured "
    "address only: configure the address it leads to."
)
_FINDINGS = 5
"""Of a validator's findings, how many are told."""

_PASSED_ON = 2000
"""Characters of another's error document that are looked at."""

_WAITED_FOR = (429, 503)
"""Statuses whose sentence may say how long to wait."""

_TAGS_OF = {
    400: (
        *("invalid_request_error", "invalid_argument", "failed_precondition", "badrequesterror", "invalid_prompt"),
        *("context_length_exceeded", "content_filter"),
    ),
    401: ("authentication_error", "unauthenticated", "invalid_api_key"),
    402: ("billing_error",),
    403: ("permission_error", "permission_denied"),
    404: ("not_found_error", "not_found", "model_not_found", "notfounderror"),
    413: ("request_too_large",),
    429: (
        *("rate_limit_error", "rate_limit_exceeded", "rate_limited", "resource_exhausted", "too_many_requests"),
        *("insufficient_quota", "tokens", "requests"),
    ),
    503: ("service_unavailable", "unavailable"),
    504: ("timeout_error", "deadline_exceeded", "timeout"),
    529: ("overloaded_error", "overloaded"),
}
_STATUS_OF = {tag: status for status, tags in _TAGS_OF.items() for tag in tags}
"""The status an error inside an answer of 200 would have had, by its tag."""

# Of keys and permissions the tags alone tell: a sentence may speak of those of an agent's own tools.
_STATUS_IN_WORDS = (
    ("overloaded", 529),
    ("rate_limit", 429),
    ("rate limit", 429),
    ("context_length", 400),
    ("content_filter", 400),
    ("invalid_request", 400),
    ("timeout", 504),
    ("service_unavailable", 503),
)


def read_failure(status: int, headers: Mapping[str, str], body: bytes, said: Iterable[Says] = ()) -> UpstreamFailure:
    """What an error answer means; one of 2xx that holds an error goes by the status it names there, else by 500.
    ``said``: what the vendor's documentation says."""
    if 300 <= status < 400:
        return UpstreamFailure("next", "invalid_reply", status, _REDIRECTED.format(status))
    document = _parse(body)
    if status < 300:
        status = _status(_tags(document)) or 500
    tags = _tags(document) | _tagged(headers.get("x-amzn-errortype"))
    sentence, told = _sentences(document, body, status)
    failure_class, kind = meaning(said, status, tags, _words(tags, sentence, _passed_on(document)))
    wait = read_retry_after(headers)
    if wait is None and status in _WAITED_FOR:
        wait = read_wait(_details(document), sentence)
    return UpstreamFailure(failure_class, kind, status, told, wait, document)


def read_stream_failure(
    error_type: str, message: str, document: Any = None, said: Iterable[Says] = ()
) -> UpstreamFailure:
    """What an error inside an answer of 200 means. Its status has to be guessed by its tags, else by its words."""
    tags = _tags(document) | _tagged(error_type)
    words = _words(tags, message, _passed_on(document))
    status = _status(tags) or next((one for part, one in _STATUS_IN_WORDS if part in words), 500)
    failure_class, kind = meaning(said, status, tags, words)
    wait = read_wait(_details(document), message) if status in _WAITED_FOR else None
    return UpstreamFailure(failure_class, kind, status, message or error_type, wait, document)


def _status(tags: frozenset[str]) -> int:
    """Of several tags the most telling: the higher status."""
    return max((int(tag) if _is_status(tag) else _STATUS_OF.get(tag, 0) for tag in tags), default=0)


def _is_status(tag: str) -> bool:
    return len(tag) == 3 and tag.isdecimal() and 400 <= int(tag) <= 599


def _words(tags: frozenset[str], *sentences: str) -> str:
    return f"{' '.join(sorted(tags))} {' '.join(sentences).lower()}"


def _parse(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _error(document: Any) -> Any:
    """The error in a document: its own object where it has one. Google wraps its documents in a list."""
    if isinstance(document, list) and document:
        document = document[0]
    return (document.get("error") or document) if isinstance(document, dict) else None


def _tags(document: Any) -> frozenset[str]:
    """Types, codes, statuses and reasons, wherever vendors put them."""
    outer = document[0] if isinstance(document, list) and document else document
    error = _error(document)
    found: list[Any] = []
    for one in (outer, error):
        if isinstance(one, dict):
            found += [one.get(name) for name in ("type", "code", "status", "__type")]
    if isinstance(error, dict):
        inner = error.get("innererror")  # Azure
        found += [inner.get("code")] if isinstance(inner, dict) else []
        found += [detail.get("reason") for detail in _details(document)]  # Google
    return frozenset().union(*(_tagged(one) for one in found))


def _tagged(value: Any) -> frozenset[str]:
    """One tag, as it is compared. AWS puts name spaces before and addresses behind its own."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        return frozenset()
    text = str(value).rpartition("#")[2]
    head, colon, _ = text.partition(":")
    return frozenset({(head if colon and head.endswith("Exception") else text).lower()})


def _passed_on(document: Any) -> str:
    """What the maker of the model said, as a broker (OpenRouter) passes it on."""
    error = _error(document)
    beside = error.get("metadata") if isinstance(error, dict) else None
    raw = beside.get("raw") if isinstance(beside, dict) else None
    return raw[:_PASSED_ON] if isinstance(raw, str) else ""


def _details(document: Any) -> Iterator[Mapping[str, Any]]:
    error = _error(document)
    details = error.get("details") if isinstance(error, dict) else None
    return (one for one in details if isinstance(one, dict)) if isinstance(details, list) else iter(())


def _sentences(document: Any, body: bytes, status: int) -> tuple[str, str]:
    """The vendor's sentence as it came, and as it is told: never a page of HTML."""
    error = _error(document)
    if isinstance(error, dict):
        named = (error.get(key) for key in ("message", "Message", "detail", "msg"))
        message = next(filter(None, map(_sentence, named)), "")
        return message, message or f"The provider answered {status}."
    if isinstance(error, str):
        return error, error
    text = body[:500].decode("utf-8", "replace").strip()
    return text, f"The provider answered {status}." if not text or text.startswith("<") else text


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
