"""Token counts as chat completions report them, and the reader that watches a stream for them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.protocols._failures import NO_ANSWER, stream_failure
from tollhouse.dataplane.protocols._fields import MOST_COUNTED, count, words
from tollhouse.dataplane.protocols._special import by_kind, with_tier
from tollhouse.dataplane.protocols._tail import tail_reader
from tollhouse.dataplane.protocols._watch import StreamWatcher


def read_usage(value: Any) -> Usage | None:
    """The neutral form of a ``usage`` object; None when it is none."""
    if not isinstance(value, dict):
        return None
    prompt = value.get("prompt_tokens_details")
    prompt = prompt if isinstance(prompt, dict) else {}
    completion = value.get("completion_tokens_details")
    completion = completion if isinstance(completion, dict) else {}
    read, wrote = count(value.get("prompt_tokens")), count(value.get("completion_tokens"))
    thought = count(completion.get("reasoning_tokens"))
    usage = Usage(
        input_tokens=read,
        cached_tokens=count(
            prompt.get("cached_tokens") or value.get("prompt_cache_hit_tokens")
        ),  # the latter: DeepSeek
        cache_write_tokens=count(prompt.get("cache_write_tokens")),
        output_tokens=_written(read, wrote, thought, count(value.get("total_tokens"))),
        reasoning_tokens=thought,
    )
    if prompt.get("audio_tokens") or completion.get("audio_tokens") or prompt.get("image_tokens"):
        usage.special = by_kind(prompt, completion)
    return usage


def _written(read: int, wrote: int, thought: int, total: int) -> int:
    """All that was written. OpenAI counts reasoning among it; xAI beside it, as the total shows."""
    return wrote + thought if thought and total == read + wrote + thought else wrote


_Tokens = Annotated[int, msgspec.Meta(ge=0, lt=MOST_COUNTED)] | None


class _Details(msgspec.Struct, gc=False):
    cached_tokens: _Tokens = 0
    cache_write_tokens: _Tokens = 0
    reasoning_tokens: _Tokens = 0
    audio_tokens: Literal[0] | None = 0
    image_tokens: Literal[0] | None = 0


class _Counts(msgspec.Struct, gc=False):
    """A ``usage`` object as it nearly always is: of text."""

    prompt_tokens: _Tokens = 0
    completion_tokens: _Tokens = 0
    total_tokens: _Tokens = 0
    prompt_cache_hit_tokens: _Tokens = 0
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


_NO_DETAILS = _Details()


def _of_text(told: _Counts) -> Usage:
    """What ``read_usage`` makes of the same."""
    prompt, completion = told.prompt_tokens_details or _NO_DETAILS, told.completion_tokens_details or _NO_DETAILS
    read, wrote, thought = told.prompt_tokens or 0, told.completion_tokens or 0, completion.reasoning_tokens or 0
    return Usage(
        read,
        prompt.cached_tokens or told.prompt_cache_hit_tokens or 0,
        prompt.cache_write_tokens or 0,
        0,
        _written(read, wrote, thought, told.total_tokens or 0) if thought else wrote,
        thought,
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """A ``usage`` object. ``prompt_tokens`` includes what was cached."""
    details = {"cached_tokens": usage.cached_tokens}
    written = usage.cache_write_tokens + usage.cache_write_1h_tokens
    if written:
        details["cache_write_tokens"] = written
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


read_tail = tail_reader(read_usage, "choices", ordinary=(_Counts, _of_text))
"""Usage and model of a whole reply."""


_SHOWN = ("content", "tool_calls", "function_call", "reasoning_content", "reasoning", "refusal", "audio")


class ChatWatcher(StreamWatcher):
    """Watches chat completions chunks. With ``hide_usage`` the chunk that carries nothing but usage is taken out."""

    __slots__ = ("_answered", "_finished")

    def __init__(self, *, hide_usage: bool) -> None:
        super().__init__(hide=hide_usage)
        self._answered = False
        self._finished = False

    def needs_look(self, data: bytes) -> bool:
        """Usage that is not null, an error, or the end mark."""
        at = data.find(b'"usage"')
        while at >= 0:
            if not data[at + 7 : at + 14].lstrip(b" :").startswith(b"null"):
                return True
            at = data.find(b'"usage"', at + 7)
        return b'"error"' in data or b"[DONE]" in data

    def done(self) -> None:
        """The end; of nothing, when there was no choice in the whole stream."""
        if self._answered:
            self.ended = True
        else:
            self.reject(NO_ANSWER)

    def look(self, name: str, body: dict[str, Any]) -> bool:
        """As the watcher says."""
        if body.get("error") or name == "error":
            self._fail(body)
            return True
        if not self.model:
            self.model = words(body.get("model"))
        usage = with_tier(read_usage(body.get("usage")), body.get("service_tier"))
        if usage is not None:
            self.usage = usage
            self.reported = True
        choices = body.get("choices")
        if usage is not None and not choices:
            self._finished = self._answered  # this chunk follows the finish reason
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                self._look_at(choice)
        return not (self.hide and usage is not None and not choices)

    def close(self) -> bytes:
        """As the port says; a stream whose answer was finished is whole even without ``[DONE]``."""
        rest = super().close()
        if self._finished and self.failed is None:
            self.ended = True
        return rest

    def _look_at(self, choice: dict[str, Any]) -> None:
        self._answered = True
        if choice.get("finish_reason"):
            self._finished = True
        delta = choice.get("delta")
        if isinstance(delta, dict) and any(delta.get(name) for name in _SHOWN):
            self.has_content = True

    def _fail(self, chunk: dict[str, Any]) -> None:
        type_, message, status = read_stream_error(chunk)
        self.failed = stream_failure(type_, message, status, chunk)


def read_stream_error(chunk: dict[str, Any]) -> tuple[str, str, int]:
    """Type, message and status of an error event: ``{"error": {...}}``, or a bare message as some servers send."""
    error = chunk.get("error", chunk)
    if not isinstance(error, dict):
        return "upstream_error", words(error) or "the provider failed in the middle of its answer", 0
    code = error.get("code")
    status = code if isinstance(code, int) and not isinstance(code, bool) and 400 <= code <= 599 else 0
    type_ = words(error.get("type")) or words(code) or "upstream_error"
    return type_, words(error.get("message")) or "the provider failed in the middle of its answer", status
