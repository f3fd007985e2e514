"""Token counts as Google reports them, and the reader that watches a stream for them."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import Special, Usage
from tollhouse.dataplane.protocols._failures import stream_failure
from tollhouse.dataplane.protocols._fields import count, words
from tollhouse.dataplane.protocols._special import tier_of
from tollhouse.dataplane.protocols._tail import tail_reader
from tollhouse.dataplane.protocols._watch import StreamWatcher
from tollhouse.dataplane.protocols.gemini_generate.finish import broken_off

_BROKEN = "the provider failed in the middle of its answer"


def read_usage(value: Any) -> Usage | None:
    """The neutral form of ``usageMetadata``; None when it is none. Thoughts are counted apart from the answer."""
    if not isinstance(value, dict):
        return None
    thoughts = count(value.get("thoughtsTokenCount"))
    usage = Usage(
        input_tokens=count(value.get("promptTokenCount")) + count(value.get("toolUsePromptTokenCount")),
        cached_tokens=count(value.get("cachedContentTokenCount")),
        output_tokens=count(value.get("candidatesTokenCount")) + thoughts,
        reasoning_tokens=thoughts,
    )
    usage.special = _special(value)
    return usage


_ORDINARY = Special()


def _special(value: dict[str, Any]) -> Special | None:
    """Service tier and modalities. ``trafficType`` is Vertex's word for the tier, the other the Gemini API's."""
    tier = tier_of(value.get("serviceTier")) or tier_of(value.get("trafficType"))
    read, written = value.get("promptTokensDetails"), value.get("candidatesTokensDetails")
    if not (tier or read or written):
        return None
    cached = value.get("cacheTokensDetails")
    found = Special(
        tier,
        _modality(read, "AUDIO"),
        _modality(written, "AUDIO"),
        _modality(cached, "AUDIO"),
        _modality(read, "IMAGE"),
        _modality(written, "IMAGE"),
        _modality(cached, "IMAGE"),
    )
    return found if found != _ORDINARY else None


def _modality(details: Any, name: str) -> int:
    parts = details if isinstance(details, list) else ()
    return sum(count(one.get("tokenCount")) for one in parts if isinstance(one, dict) and one.get("modality") == name)


def write_usage(usage: Usage) -> dict[str, Any]:
    """``usageMetadata``."""
    shown = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": max(0, usage.output_tokens - usage.reasoning_tokens),
        "totalTokenCount": usage.total_tokens,
    }
    if usage.cached_tokens:
        shown["cachedContentTokenCount"] = usage.cached_tokens
    if usage.reasoning_tokens:
        shown["thoughtsTokenCount"] = usage.reasoning_tokens
    return shown


read_tail = tail_reader(read_usage, "candidates", "promptFeedback", usage="usageMetadata", model="modelVersion")
"""Usage and model of a whole reply."""


def read_stream_error(body: dict[str, Any]) -> tuple[str, str, int]:
    """Status word, message and number of an error event."""
    error = body.get("error")
    if not isinstance(error, dict):
        return "INTERNAL", words(error) or _BROKEN, 0
    number = count(error.get("code"))
    return words(error.get("status")) or "INTERNAL", words(error.get("message")) or _BROKEN, number


class GeminiWatcher(StreamWatcher):
    """Watches a stream. The format has no end mark: it has ended when its last piece named a reason."""

    __slots__ = ("_answered", "_called", "_finished")

    max_event = 64 << 20
    """A made image comes as one event."""

    def __init__(self) -> None:
        super().__init__(hide=False)
        self._finished = False
        self._called = False
        self._answered = False

    def needs_look(self, data: bytes) -> bool:
        """Usage, a reason to finish, a call, or an error."""
        if b'"usageMetadata"' in data or b'"finishReason"' in data or b'"error"' in data:
            return True
        return not self._called and b'"functionCall"' in data

    def look(self, name: str, body: dict[str, Any]) -> bool:
        """As the watcher says."""
        if body.get("error"):
            type_, message, status = read_stream_error(body)
            self.failed = stream_failure(type_, message, status, body)
            return True
        self.model = words(body.get("modelVersion")) or self.model
        usage = read_usage(body.get("usageMetadata"))
        if usage is not None:
            self.usage = usage
            self.reported = True
        candidates = body.get("candidates")
        for candidate in candidates if isinstance(candidates, list) else ():
            if isinstance(candidate, dict):
                self._candidate(candidate)
        if isinstance(body.get("promptFeedback"), dict) and body["promptFeedback"].get("blockReason"):
            self._finished = True
        return not self.rejected

    def _candidate(self, candidate: dict[str, Any]) -> None:
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict) and part != {"text": ""}:
                self.has_content = True
                self._called = self._called or "functionCall" in part
                self._answered = self._answered or part.get("thought") is not True
        reason = candidate.get("finishReason")
        if reason:
            self._finished = True
            wrong = broken_off(reason, called=self._called, answered=self._answered)
            if wrong:
                self.reject(wrong)

    def close(self) -> bytes:
        """As the port says."""
        rest = super().close()
        if self._finished and self.failed is None:
            self.ended = True
        return rest
