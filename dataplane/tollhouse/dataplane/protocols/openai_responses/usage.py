"""Token counts as responses report them, and the reader that watches a stream for them."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import Special, Usage
from tollhouse.dataplane.errors import UpstreamError
from tollhouse.dataplane.protocols._failures import NO_ANSWER, stream_failure
from tollhouse.dataplane.protocols._fields import count, words
from tollhouse.dataplane.protocols._special import by_kind, with_tier
from tollhouse.dataplane.protocols._tail import tail_reader
from tollhouse.dataplane.protocols._watch import StreamWatcher

_BROKEN = "the provider failed in the middle of its answer"
_FRAMES = ("response.created", "response.in_progress", "response.queued")


def read_usage(value: Any) -> Usage | None:
    """The neutral form of a ``usage`` object; None when it is none."""
    if not isinstance(value, dict):
        return None
    read = value.get("input_tokens_details")
    read = read if isinstance(read, dict) else {}
    written = value.get("output_tokens_details")
    written = written if isinstance(written, dict) else {}
    usage = Usage(
        input_tokens=count(value.get("input_tokens")),
        cached_tokens=count(read.get("cached_tokens")),
        cache_write_tokens=count(read.get("cache_write_tokens")),
        output_tokens=count(value.get("output_tokens")),
        reasoning_tokens=count(written.get("reasoning_tokens")),
    )
    if (
        read.get("image_tokens")
        or read.get("audio_tokens")
        or written.get("audio_tokens")
        or written.get("image_tokens")
    ):
        usage.special = by_kind(read, written)
    return usage


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


_read_tail = tail_reader(read_usage, "output")


def with_searches(usage: Usage | None, output: Any) -> Usage | None:
    """The same, with the web searches the provider made for this answer: its usage does not tell them. Pages it opened
    are not charged."""
    if usage is None or not isinstance(output, list):
        return usage
    actions = [one.get("action") for one in output if isinstance(one, dict) and one.get("type") == "web_search_call"]
    count = sum(1 for one in actions if not isinstance(one, dict) or one.get("type", "search") == "search")
    if count:
        usage.special = msgspec.structs.replace(usage.special or Special(), web_searches=count)
    return usage


class _Searched(msgspec.Struct):
    """A whole reply, as far as that goes."""

    output: Any = None


_SEARCHED = msgspec.json.Decoder(_Searched)


class _Outcome(msgspec.Struct):
    """How a whole reply says it went."""

    status: Any = None
    error: Any = None


_OUTCOME = msgspec.json.Decoder(_Outcome)


def read_tail(body: bytes) -> tuple[Usage | None, str]:
    """Usage and model of a whole reply. Raises UpstreamError when it says that it failed."""
    found = _read_tail(body)
    if b'"failed"' in body:
        outcome = _OUTCOME.decode(body)
        if outcome.status == "failed":
            raise failed_reply(outcome.error)
    if b'"web_search_call"' in body:
        usage, model = found
        found = with_searches(usage, _SEARCHED.decode(body).output), model
    return found


def failed_reply(error: Any) -> UpstreamError:
    """What a response with the status ``failed`` says."""
    code, message = read_stream_error({"error": error} if isinstance(error, dict) else {})
    return stream_failure(code, message, body={"error": {"code": code, "message": message}})


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

    def look(self, name: str, body: dict[str, Any]) -> bool:
        """As the watcher says."""
        kind = words(body.get("type")) or name
        response = body.get("response")
        if isinstance(response, dict):
            self.model = words(response.get("model")) or self.model
            usage = with_tier(read_usage(response.get("usage")), response.get("service_tier"))
            if usage is not None:
                self.usage = with_searches(usage, response.get("output")) or usage
                self.reported = True
            elif kind in _FRAMES and not self.reported and words(response.get("id")):
                self.usage = Usage(special=Special(answer=words(response["id"])[:256], kept="open"))
        if kind in ("response.completed", "response.incomplete"):
            if not isinstance(response, dict):
                self.reject(NO_ANSWER)
                return False
            self.ended = True
        elif kind in ("response.failed", "error"):
            code, message = read_stream_error(body)
            self.failed = stream_failure(code, message, body={"error": {"code": code, "message": message}})
        elif kind.startswith("response.") and kind not in _FRAMES and not kind.endswith((".added", ".in_progress")):
            self.has_content = True
        return True
