"""A finished exchange as spans: one for itself, one per attempt, one per plugin that waited or worked long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tollhouse.dataplane.records import redaction
from tollhouse.dataplane.records.trace import Measurement, SpanRecord, TraceContext, Value

if TYPE_CHECKING:
    from tollhouse.dataplane.chat import Usage
    from tollhouse.dataplane.exchange import Attempt, Exchange

OPERATIONS = {
    "openai_embeddings": "embeddings",
    "gemini_embeddings": "embeddings",
    "gemini_generate": "generate_content",
    "openai_completions": "text_completion",
}
"""``gen_ai.operation.name`` by protocol, where it is not ``chat``."""


def spans_of(ex: Exchange, trace: TraceContext, now_s: float, *, newest: bool) -> list[SpanRecord]:
    """The exchange's own span first. ``newest``: attribute names of the newest conventions instead of the classic
    ones, where they differ."""
    end_s = max(now_s, ex.received_s)
    code = getattr(ex.error, "code", "gateway_fault") if ex.error is not None else ""
    error = (code or f"status {ex.status}") if ex.status >= 500 else ""
    route = ex.route
    name = f"{ex.method} {route.matched_uri}" if route is not None and route.matched_uri else ex.method
    own = SpanRecord(
        name, "server", trace.trace_id, trace.span_id, trace.parent_id, _epoch(ex, ex.received_s), _epoch(ex, end_s), {}
    )
    own.error = error
    own.attributes = _exchange_attributes(ex, code)
    spans = [own]
    for number, attempt in enumerate(ex.attempts, 1):
        spans.append(_attempt_span(ex, trace, number, attempt, end_s, newest))
    for number, one in enumerate(ex.plugin_times, 1):
        span_id = trace.attempt_id(-number)
        start, end = _epoch(ex, one.began_s), _epoch(ex, one.ended_s)
        told: dict[str, Value] = {"tollhouse.plugin.hook": one.hook, "tollhouse.plugin.busy": round(one.busy_s, 6)}
        spans.append(SpanRecord(one.name, "internal", trace.trace_id, span_id, trace.span_id, start, end, told))
    return spans


def _epoch(ex: Exchange, at_s: float) -> int:
    return int((ex.received_at + at_s - ex.received_s) * 1e9)


def _exchange_attributes(ex: Exchange, code: str) -> dict[str, Value]:
    told: dict[str, Value] = {
        "http.request.method": ex.method,
        "http.response.status_code": ex.status,
        "url.scheme": ex.scheme,
        "url.path": ex.path,
        "server.address": ex.host,
        "client.address": ex.client_ip,
        "http.response.body.size": ex.reply_bytes,
        "tollhouse.request.id": ex.id,
        "tollhouse.config.revision": ex.snapshot.revision,
    }
    if ex.query:
        told["url.query"] = redaction.safe_query(ex.query, redaction.configured_names(ex.pipeline))
    agent = ex.headers.get("user-agent")
    if agent:
        told["user_agent.original"] = agent[:256]
    if ex.route is not None:
        told["http.route"] = ex.route.matched_uri
        told["tollhouse.route.id"] = ex.route.id
        if ex.route.service_id:
            told["tollhouse.service.id"] = ex.route.service_id
    if ex.consumer_name:
        told["tollhouse.consumer.name"] = ex.consumer_name
    if ex.attempts:
        told["tollhouse.attempts"] = len(ex.attempts)
        told["tollhouse.target"] = ex.attempts[-1].target
        if ex.attempts[-1].model:
            told["tollhouse.cost.usd"] = ex.cost_nano / 1e9
    if ex.first_reply_byte_s is not None:
        told["tollhouse.time_to_first_byte"] = round(ex.first_reply_byte_s - ex.received_s, 6)
    if ex.dropped:
        told["tollhouse.dropped"] = list(ex.dropped)
    if code:
        told["error.type"] = code
    if ex.aborted:
        told["tollhouse.client_aborted"] = True
    return told


def _attempt_span(
    ex: Exchange, trace: TraceContext, number: int, attempt: Attempt, end_s: float, newest: bool
) -> SpanRecord:
    told: dict[str, Value] = {"tollhouse.target": attempt.target, "tollhouse.attempt": number}
    name = f"{ex.method} {attempt.target}"
    if attempt.model:
        operation = operation_of(ex)
        name = f"{operation} {attempt.model}"
        told["gen_ai.operation.name"] = operation
        told["gen_ai.provider.name"] = attempt.provider_name
        if not newest:
            told["gen_ai.system"] = attempt.provider_name
        told["gen_ai.request.model"] = attempt.model
        if ex.document is not None and ex.protocol is not None:
            _add_request(told, ex)
    if attempt.status:
        told["http.response.status_code"] = attempt.status
    if attempt.first_byte_s is not None:
        streams = attempt.model and _streams(ex)
        told["gen_ai.response.time_to_first_chunk" if streams else "tollhouse.time_to_first_byte"] = round(
            attempt.first_byte_s - attempt.started_s, 6
        )
    if attempt.usage is not None:
        _add_usage(told, attempt.usage, newest)
        told["tollhouse.cost.usd"] = attempt.cost_nano / 1e9
    error = ""
    if attempt.failure is not None:
        error = attempt.failure.kind  # the message may quote what was asked
        told["error.type"] = attempt.failure.kind
        told["tollhouse.fault"] = attempt.failure.fault
    started, ended = _epoch(ex, attempt.started_s), _epoch(ex, attempt.ended_s or end_s)
    span_id = trace.attempt_id(number)
    return SpanRecord(name, "client", trace.trace_id, span_id, trace.span_id, started, ended, told, error)


def _add_request(told: dict[str, Value], ex: Exchange) -> None:
    told["gen_ai.request.stream"] = ex.peek.stream
    document = ex.document
    assert document is not None
    for field, name in (
        ("max_tokens", "max_tokens"),
        ("max_completion_tokens", "max_tokens"),
        ("temperature", "temperature"),
        ("top_p", "top_p"),
    ):
        value = document.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool):
            told[f"gen_ai.request.{name}"] = value


def _add_usage(told: dict[str, Value], usage: Usage, newest: bool) -> None:
    told["gen_ai.usage.input_tokens"] = usage.input_tokens
    told["gen_ai.usage.output_tokens"] = usage.output_tokens
    written = usage.cache_write_tokens + usage.cache_write_1h_tokens
    if usage.cached_tokens:
        told["gen_ai.usage.cache_read.input_tokens"] = usage.cached_tokens
    if written:
        told[f"gen_ai.usage.{'cache_write' if newest else 'cache_creation'}.input_tokens"] = written
    if usage.reasoning_tokens:
        told["gen_ai.usage.reasoning.output_tokens"] = usage.reasoning_tokens
    if usage.estimated:
        told["tollhouse.usage.estimated"] = True


def _streams(ex: Exchange) -> bool:
    return ex.document is not None and ex.protocol is not None and ex.peek.stream


def operation_of(ex: Exchange) -> str:
    """``gen_ai.operation.name``."""
    return OPERATIONS.get(ex.protocol.name, "chat") if ex.protocol is not None else "chat"


def measurements_of(ex: Exchange, now_s: float, gaps_s: list[float]) -> list[Measurement]:
    """What the exchange's attempts on models add to the ``gen_ai`` metrics. ``gaps_s``: between the pieces of the
    answer; those of the attempt that gave it."""
    found = []
    streams = _streams(ex)
    for attempt in ex.attempts:
        if not attempt.model:
            continue
        usage = attempt.usage
        attributes = {
            "gen_ai.operation.name": operation_of(ex),
            "gen_ai.provider.name": attempt.provider_name,
            "gen_ai.request.model": attempt.model,
        }
        found.append(
            Measurement(
                (attempt.ended_s or now_s) - attempt.started_s,
                attempt.first_byte_s - attempt.started_s if streams and attempt.first_byte_s is not None else None,
                gaps_s if attempt is ex.attempts[-1] else [],
                usage.input_tokens if usage else 0,
                usage.output_tokens if usage else 0,
                usage.cached_tokens if usage else 0,
                (usage.cache_write_tokens + usage.cache_write_1h_tokens) if usage else 0,
                usage.reasoning_tokens if usage else 0,
                attempt.failure.kind if attempt.failure is not None else "",
                attributes,
            )
        )
    return found
