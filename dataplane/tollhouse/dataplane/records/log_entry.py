"""What a log says of one finished exchange: APISIX's shape, ours beside it, never a secret, content only if asked."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.records import redaction
from tollhouse.dataplane.records.agent_hints import agent_of, session_of
from tollhouse.dataplane.records.verdicts import log_verdict, verdicts_of
from tollhouse.dataplane.spending import WAITED
from tollhouse.dataplane.variables import reader
from tollhouse.proto.units import format_usd

if TYPE_CHECKING:
    from tollhouse.dataplane.chat import Usage
    from tollhouse.dataplane.exchange import Attempt, Exchange

Entry = dict[str, Any]
_ENCODER = msgspec.json.Encoder(enc_hook=str)
_NONE: frozenset[str] = frozenset()


@cache
def _version() -> str:
    return version("tollhouse")


def access_entry(ex: Exchange, now_s: float) -> Entry:
    """The lean entry of the access log: no headers."""
    latency_ms, upstream_ms = _latencies(ex, now_s)
    consumer = ex.consumer_name
    entry: Entry = {
        "time": timestamp(ex.received_at),
        "request_id": ex.id,
        "client_ip": ex.client_ip,
        "method": ex.method,
        "host": ex.host,
        "uri": redaction.safe_uri(ex.path, ex.query, redaction.configured_names(ex.pipeline) if ex.query else _NONE),
        "status": ex.status,
        "size": ex.reply_bytes,
        "latency": latency_ms,
        "upstream_latency": upstream_ms,
        "route_id": ex.route.id if ex.route is not None else "",
        "consumer": consumer,
    }
    _add_ours(entry, ex)
    return entry


def full_entry(ex: Exchange, now_s: float, hostname: str, *, body_limit: int = 0) -> Entry:
    """The entry logger plugins send when no format is configured (APISIX's default shape, and ours beside it).
    ``body_limit``: include so many bytes of the request body."""
    known = redaction.configured_names(ex.pipeline)
    latency_ms, upstream_ms = _latencies(ex, now_s)
    uri = redaction.safe_uri(ex.path, ex.query, known)
    route = ex.route
    request: Entry = {
        "url": f"{ex.scheme}://{ex.headers.get('host') or ex.host}{uri}",
        "uri": uri,
        "method": ex.method,
        "headers": redaction.safe_headers(ex.headers.items(), known),
        "querystring": redaction.safe_arguments(ex.query, known),
        "size": len(ex.body) if ex.body is not None else _content_length(ex),
    }
    if body_limit and ex.body is not None and is_judged(ex):
        request["body"] = ex.body[:body_limit].decode("utf-8", "replace")
    reply_headers = ex.reply.headers if ex.reply is not None else []
    entry: Entry = {
        "request": request,
        "response": {
            "status": ex.status,
            "headers": redaction.safe_headers(reply_headers, known),
            "size": ex.reply_bytes,
        },
        "server": {"hostname": hostname, "version": _version()},
        "service_id": route.service_id if route is not None else "",
        "route_id": route.id if route is not None else "",
        "client_ip": ex.client_ip,
        "start_time": round(ex.received_at * 1000),
        "latency": latency_ms,
        "upstream_latency": upstream_ms,
        "apisix_latency": round(max(0.0, latency_ms - (upstream_ms or 0.0)), 3),
        "request_id": ex.id,
    }
    if ex.consumer_name:
        entry["consumer"] = {"username": ex.consumer_name}
        if ex.consumer is not None and ex.consumer.group_id:
            entry["consumer"]["group_id"] = ex.consumer.group_id
    _add_ours(entry, ex)
    if ex.protocol is not None and ex.document is not None:
        entry["llm_summary"] = _summary(ex)
    return entry


def is_judged(ex: Exchange) -> bool:
    """Whether a guard of the route, where there is one, has seen the body: before that it may hold anything."""
    plugins = ex.pipeline.plugins if ex.pipeline is not None else ()
    return all(f"ai-guard:{one.plugin.place}" in ex.state for one in plugins if one.plugin.name == "ai-guard")


def encode_entry(entry: Entry) -> bytes:
    """One line of JSON. Bytes that are no UTF-8 (clients may send any) are replaced."""
    try:
        return _ENCODER.encode(entry)
    except UnicodeEncodeError:
        return _ENCODER.encode(_clean(entry))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_clean(name): _clean(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value


def timestamp(epoch_s: float) -> str:
    """RFC 3339 in UTC with milliseconds."""
    second = int(epoch_s)
    return f"{_second(second)}.{int((epoch_s - second) * 1000):03d}Z"


@lru_cache(maxsize=16)
def _second(epoch_s: int) -> str:
    """Many exchanges share a second."""
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _latencies(ex: Exchange, now_s: float) -> tuple[float, float | None]:
    """Milliseconds from the request's arrival to its end, and spent on upstream attempts."""
    if not ex.attempts:
        return _ms(now_s - ex.received_s), None
    upstream_s = 0.0
    for attempt in ex.attempts:
        upstream_s += (attempt.ended_s or now_s) - attempt.started_s
    return _ms(now_s - ex.received_s), _ms(upstream_s)


def _ms(seconds: float) -> float:
    """Milliseconds to the microsecond; ``round`` to three places takes four times as long."""
    return int(seconds * 1_000_000 + 0.5) / 1000


def _content_length(ex: Exchange) -> int:
    text = ex.headers.get("content-length") or ""
    return int(text) if text.isdecimal() and len(text) < 16 else 0


def _add_ours(entry: Entry, ex: Exchange) -> None:
    """What APISIX does not log: target, attempts, money, revision, and why it failed."""
    entry["revision"] = ex.snapshot.revision
    if ex.trace is not None:
        entry["trace_id"] = f"{ex.trace.trace_id:032x}"
    if ex.protocol is not None:
        for name, hint in (("agent", agent_of(ex)), ("session", session_of(ex))):
            if hint:
                entry[name] = hint
        asked = _REQUEST_MODEL(ex)
        if asked:
            entry["asked_model"] = asked[:256]
    if ex.attempts:
        last = ex.attempts[-1]
        entry["upstream"] = entry["target"] = last.target
        attempts = entry["attempts"] = [attempt_entry(attempt) for attempt in ex.attempts]
        if last.model:
            entry["provider"] = last.provider
            entry["model"] = last.model
            if len(attempts) == 1 and "tokens" in attempts[0]:  # nearly always: said once, shown twice
                entry["cost_usd"], entry["tokens"] = attempts[0]["cost_usd"], attempts[0]["tokens"]
            else:
                entry["cost_usd"] = format_usd(ex.cost_nano)
                _add_usage(entry, ex)
        else:
            _add_usage(entry, ex)
    verdicts = verdicts_of(ex)
    if verdicts:
        entry["verdicts"] = [log_verdict(verdict) for verdict in verdicts]
    if ex.dropped:
        entry["dropped"] = list(ex.dropped)
    if ex.error is not None:
        entry["error"] = getattr(ex.error, "code", "gateway_fault")
        entry["fault"] = getattr(ex.error, "fault", "gateway")
        budget = ex.error.headers.get("x-tollhouse-budget") if isinstance(ex.error, GatewayError) else None
        if budget:
            entry["budget"] = budget
    if WAITED in ex.state:
        entry["held_ms"] = _ms(ex.state[WAITED])
    if ex.aborted:
        entry["aborted"] = True


def _add_usage(entry: Entry, ex: Exchange) -> None:
    usage = ex.usage
    if usage is not None:
        entry["tokens"] = _tokens(usage)


def attempt_entry(attempt: Attempt) -> Entry:
    """What is said of one attempt."""
    entry: Entry = {"target": attempt.target, "status": attempt.status}
    if attempt.model:
        entry["provider"] = attempt.provider
        entry["model"] = attempt.model
    if attempt.first_byte_s is not None:
        entry["first_byte_ms"] = _ms(attempt.first_byte_s - attempt.started_s)
    if attempt.ended_s is not None:
        entry["duration_ms"] = _ms(attempt.ended_s - attempt.started_s)
    if attempt.failure is not None:
        entry["failure"] = attempt.failure.kind
        entry["fault"] = attempt.failure.fault
    if attempt.usage is not None:
        entry["tokens"] = _tokens(attempt.usage)
        entry["cost_usd"] = format_usd(attempt.cost_nano)
        if not attempt.price_known:
            entry["price_known"] = False
    return entry


def _tokens(usage: Usage) -> Entry:
    tokens: Entry = {"input": usage.input_tokens, "output": usage.output_tokens}
    if usage.cached_tokens:
        tokens["cached"] = usage.cached_tokens
    written = usage.cache_write_tokens + usage.cache_write_1h_tokens
    if written:
        tokens["cache_write"] = written
    if usage.reasoning_tokens:
        tokens["reasoning"] = usage.reasoning_tokens
    if usage.estimated:
        tokens["estimated"] = True
    return tokens


def _summary(ex: Exchange) -> Entry:
    """APISIX's ``llm_summary``, as far as it is known here."""
    usage = ex.usage
    return {
        "request_model": _REQUEST_MODEL(ex),
        "model": _MODEL(ex),
        "duration": _FIRST_TOKEN(ex),
        "prompt_tokens": usage.input_tokens if usage else 0,
        "completion_tokens": usage.output_tokens if usage else 0,
        "total_tokens": usage.total_tokens if usage else 0,
        "upstream_response_time": _UPSTREAM_TIME(ex),
        "stream": bool(_STREAM(ex)),
        "cache_read_input_tokens": usage.cached_tokens if usage else 0,
        "cache_creation_input_tokens": (usage.cache_write_tokens + usage.cache_write_1h_tokens) if usage else 0,
        "reasoning_tokens": usage.reasoning_tokens if usage else 0,
    }


_REQUEST_MODEL = reader("request_llm_model")
_MODEL = reader("llm_model")
_FIRST_TOKEN = reader("llm_time_to_first_token")
_UPSTREAM_TIME = reader("apisix_upstream_response_time")
_STREAM = reader("llm_stream")
