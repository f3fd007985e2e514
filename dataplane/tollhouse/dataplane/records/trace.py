"""Where an exchange stands in a distributed trace (W3C Trace Context), and what is told of it.

The decision whether a trace is kept falls first, before anything is collected; what is kept beyond that decision
(errors, slow ones) is built from what the exchange knows anyway.
"""

from __future__ import annotations

import random
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SPAN_BITS = (1 << 64) - 1

Value = str | int | float | bool | list[str]


@dataclass(slots=True)
class TraceContext:
    """The span of one exchange. Ids are numbers, as the wire's hexadecimal says them."""

    trace_id: int
    span_id: int
    parent_id: int
    """The caller's span; 0 at the root of a trace."""
    sampled: bool

    def attempt_id(self, number: int) -> int:
        """The id of the span of attempt ``number`` (from 1): what a provider's own span has as its parent."""
        return (self.span_id + number * 0x9E3779B97F4A7C15) & _SPAN_BITS or 1

    def header(self, number: int) -> str:
        """The ``traceparent`` attempt ``number`` sends."""
        return f"00-{self.trace_id:032x}-{self.attempt_id(number):016x}-{'01' if self.sampled else '00'}"


def read_traceparent(text: str | None) -> tuple[int, int, bool] | None:
    """Trace id, span id and sampled flag of a ``traceparent`` header; None when there is none that counts."""
    found = _TRACEPARENT.fullmatch(text.strip()) if text else None
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5]):
        return None
    trace_id, span_id = int(found[2], 16), int(found[3], 16)
    return (trace_id, span_id, bool(int(found[4], 16) & 1)) if trace_id and span_id else None


def new_context(parent: tuple[int, int, bool] | None, sampled: bool, trace_id: int = 0) -> TraceContext:
    """A span below the caller's, or the root of a new trace (with the trace id, when one is given)."""
    span_id = random.getrandbits(64) or 1
    if parent is not None:
        return TraceContext(parent[0], span_id, parent[1], sampled)
    return TraceContext(trace_id or random.getrandbits(128) or 1, span_id, 0, sampled)


@dataclass(slots=True)
class SpanRecord:
    """One finished span."""

    name: str
    kind: Literal["server", "client", "internal"]
    trace_id: int
    span_id: int
    parent_id: int
    start_ns: int
    """Epoch nanoseconds."""
    end_ns: int
    attributes: dict[str, Value]
    error: str = ""
    """What went wrong; empty when nothing did."""


@dataclass(slots=True)
class Measurement:
    """What one attempt on a model adds to the ``gen_ai`` metrics."""

    duration_s: float
    first_chunk_s: float | None
    """None where the answer was no stream."""
    chunk_gaps_s: list[float]
    """Between the pieces of a stream, where they were watched."""
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    error: str
    """What kind of failure it was; empty when it was none."""
    attributes: dict[str, str]

    @property
    def failed(self) -> bool:
        """Whether the attempt did not succeed."""
        return bool(self.error)


@dataclass(frozen=True, slots=True)
class Collector:
    """A receiver of OTLP over HTTP, and how spans are gathered for it."""

    address: str = "127.0.0.1:4318"
    """``host:port``, or an address with scheme."""
    timeout_s: float = 3
    headers: tuple[tuple[str, str], ...] = ()
    resource: tuple[tuple[str, str | int | float | bool], ...] = ()
    max_queue: int = 2048
    grow: bool = True
    """Take up to four times as many while the sender hurries, before dropping."""
    max_batch: int = 256
    batch_s: float = 5
    inactive_s: float = 2
    metrics: bool = False
    newest: bool = False
    """Metrics under the names of the newest conventions."""


class SpanSink(ABC):
    """Where finished spans go. Nothing here ever waits."""

    @abstractmethod
    def add(self, spans: list[SpanRecord]) -> None:
        """Queue the spans of an exchange, or drop and count them."""

    @abstractmethod
    def measure(self, measurement: Measurement) -> None:
        """Count an attempt in the ``gen_ai`` metrics, or drop and count it."""

    @abstractmethod
    async def close(self) -> None:
        """Send what waits, within a bounded time."""
