"""Token counts as messages replies report them, and the reader that watches a stream for them."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import Special, Usage
from tollhouse.dataplane.protocols._failures import NO_ANSWER, stream_failure
from tollhouse.dataplane.protocols._fields import count, words
from tollhouse.dataplane.protocols._special import tier_of
from tollhouse.dataplane.protocols._tail import tail_reader
from tollhouse.dataplane.protocols._watch import StreamWatcher

_SHOWN = ("text", "thinking", "partial_json", "signature", "citation")


def merge_usage(known: Usage | None, value: Any) -> Usage | None:
    """Usage after one more ``usage`` object. The stream sends two: the first counts the input, the second all the
    output so far and, from some servers, the input again; a field that is absent or 0 there changes nothing."""
    if not isinstance(value, dict):
        return known
    before = known or Usage()
    old_fresh = before.input_tokens - before.cached_tokens - before.cache_write_tokens - before.cache_write_1h_tokens
    fresh = count(value.get("input_tokens")) or old_fresh
    cached = count(value.get("cache_read_input_tokens")) or before.cached_tokens
    written = count(value.get("cache_creation_input_tokens"))
    short, long = before.cache_write_tokens, before.cache_write_1h_tokens
    if written:
        lifetimes = value.get("cache_creation")
        if isinstance(lifetimes, dict):
            long = min(count(lifetimes.get("ephemeral_1h_input_tokens")), written)
        long = min(long, written)
        short = written - long
    details = value.get("output_tokens_details")
    thought = count(details.get("thinking_tokens")) if isinstance(details, dict) else 0
    usage = Usage(
        input_tokens=fresh + cached + short + long,
        cached_tokens=cached,
        cache_write_tokens=short,
        cache_write_1h_tokens=long,
        output_tokens=count(value.get("output_tokens")) or before.output_tokens,
        reasoning_tokens=thought or before.reasoning_tokens,
        special=before.special,
    )
    searched = value.get("server_tool_use")
    tier = tier_of(value.get("speed")) or tier_of(value.get("service_tier"))
    if tier or isinstance(searched, dict):
        searches = count(searched.get("web_search_requests")) if isinstance(searched, dict) else 0
        old = before.special or _ORDINARY
        found = Special(tier or old.tier, web_searches=searches or old.web_searches)
        usage.special = found if found != _ORDINARY else None
    return usage


_ORDINARY = Special()


def write_usage(usage: Usage) -> dict[str, Any]:
    """A ``usage`` object. ``input_tokens`` is what was neither read from the cache nor written to it."""
    written = usage.cache_write_tokens + usage.cache_write_1h_tokens
    shown: dict[str, Any] = {
        "input_tokens": max(0, usage.input_tokens - usage.cached_tokens - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
    }
    if usage.cache_write_1h_tokens:
        shown["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write_tokens,
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        }
    if usage.reasoning_tokens:
        shown["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return shown


def read_usage(value: Any) -> Usage | None:
    """The neutral form of a whole reply's ``usage``; None when it is none."""
    return merge_usage(None, value)


read_tail = tail_reader(read_usage, "content")
"""Usage and model of a whole reply."""


class MessagesWatcher(StreamWatcher):
    """Watches a messages stream. There is never usage to hide: this format always shows it."""

    __slots__ = ("_started", "_stopped")

    def __init__(self) -> None:
        super().__init__(hide=False)
        self._started = False
        self._stopped = False

    def needs_look(self, data: bytes) -> bool:
        """One of the ``message_`` events, or an error."""
        return b"message_" in data or b'"error"' in data

    def look(self, name: str, body: dict[str, Any]) -> bool:
        """As the watcher says."""
        kind = body.get("type") or name
        if kind == "content_block_delta":
            delta = body.get("delta")
            if isinstance(delta, dict) and any(delta.get(name) for name in _SHOWN):
                self.has_content = True
        elif kind == "content_block_start":
            block = body.get("content_block")
            if isinstance(block, dict) and (block.get("type") not in ("text", "thinking") or block.get("text")):
                self.has_content = True
        elif kind == "message_start":
            self._started = True
            message = body.get("message")
            if isinstance(message, dict):
                self.model = words(message.get("model"))
                self._count(message.get("usage"))
        elif kind == "message_delta":
            self._count(body.get("usage"))
            delta = body.get("delta")
            self._stopped = isinstance(delta, dict) and bool(delta.get("stop_reason"))
        elif kind == "message_stop":
            if not self._started and not self.has_content:
                self.reject(NO_ANSWER)
                return False
            self.ended = True
        elif kind == "error":
            type_, message_text = read_stream_error(body)
            self.failed = stream_failure(type_, message_text, body=body)
        return True

    def close(self) -> bytes:
        """As the port says; a stream that named its stop reason is whole even without ``message_stop``."""
        rest = super().close()
        if self._stopped and self.failed is None:
            self.ended = True
        return rest

    def _count(self, value: Any) -> None:
        if isinstance(value, dict):
            self.usage = merge_usage(self.usage, value) or self.usage
            self.reported = True


def read_stream_error(body: dict[str, Any]) -> tuple[str, str]:
    """Type and message of an ``error`` event."""
    error = body.get("error")
    if not isinstance(error, dict):
        return "api_error", words(error) or "the provider failed in the middle of its answer"
    message = words(error.get("message")) or "the provider failed in the middle of its answer"
    return words(error.get("type")) or "api_error", message
