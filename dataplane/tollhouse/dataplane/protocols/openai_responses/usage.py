"""Token counts as responses report them, and the reader that watches a stream for them."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.engine.sse import ServerEvent
from tollhouse.dataplane.protocols._failures import stream_failure
from tollhouse.dataplane.protocols._fields import count, words
from tollhouse.dataplane.protocols._watch import StreamWatcher

_BROKEN = "the provider failed in the middle of its answer"
_FRAMES = ("response.created", "response.in_progress", "response.queued")


class _Tail(msgspec.Struct):
    """What accounting reads of a whole reply; the rest is skipped without being decoded."""

    usage: Any = None
    model: Any = None


_TAIL = msgspec.json.Decoder(_Tail)


def read_usage(value: Any) -> Usage | None:
    """The neutral form of a ``usage`` object; None when it is none."""
    if not isinstance(value, dict):
        return None
    read = value.get("input_tokens_details")
    read = read if isinstance(read, dict) else {}
    written = value.get("output_tokens_details")
    written = written if isinstance(written, dict) else {}
    return Usage(
        input_tokens=count(value.get("input_tokens")),
        cached_tokens=count(read.get("cached_tokens")),
        cache_write_tokens=count(read.get("cache_write_tokens")),
        output_tokens=count(value.get("output_tokens")),
        reasoning_tokens=count(written.get("reasoning_tokens")),
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """A ``usage`` object: Codex fails a turn whose usage lacks one of the three sums."""
    written = usage.cache_write_tokens + usage.cache_write_1h_tokens
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": written},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def read_tail(body: bytes) -> tuple[Usage | None, str]:
    """Usage and model of a whole reply."""
    try:
        tail = _TAIL.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, ""
    return read_usage(tail.usage), words(tail.model)


def read_stream_error(body: dict[str, Any]) -> tuple[str, str]:
    """Code and message of an ``error`` or ``response.failed`` event."""
    response = body.get("response")
    holder = response if isinstance(response, dict) else body
    error = holder.get("error")
    error = error if isinstance(error, dict) else holder
    code = words(error.get("code")) or words(error.get("type"))
    return "upstream_error" if code in ("", "error") else code, words(error.get("message")) or _BROKEN


class ResponsesWatcher(StreamWatcher):
    """Watches a responses stream. There is never usage to hide: this format always shows it."""

    __slots__ = ()

    max_event = 64 << 20
    """The last event repeats the whole answer, made images included."""

    def __init__(self) -> None:
        super().__init__(hide=False)

    def needs_look(self, data: bytes) -> bool:
        """One of the events that end an answer. What the model wrote has its quotes escaped."""
        return (
            b'"response.completed"' in data
            or b'"response.incomplete"' in data
            or b'"response.failed"' in data
            or b'"type":"error"' in data
            or b'"type": "error"' in data
        )

    def look(self, event: ServerEvent) -> bool:
        """Take in one event."""
        try:
            body = msgspec.json.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return True
        if not isinstance(body, dict):
            return True
        kind = words(body.get("type")) or event.name
        response = body.get("response")
        if isinstance(response, dict):
            self.model = words(response.get("model")) or self.model
            usage = read_usage(response.get("usage"))
            if usage is not None:
                self.usage = usage
                self.reported = True
        if kind in ("response.completed", "response.incomplete"):
            self.ended = True
        elif kind in ("response.failed", "error"):
            code, message = read_stream_error(body)
            self.failed = stream_failure(code, message, body={"error": {"code": code, "message": message}})
        elif kind not in _FRAMES and not kind.endswith((".added", ".in_progress")):
            self.has_content = True
        return True
