"""What is counted of traffic: the families of the plugin ``prometheus``, their labels and buckets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tollhouse.dataplane.services import Cell, Distribution, Metrics

LATENCY_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 3e5, 6e5)
"""Up to ten minutes: long generations are the rule here, not the exception."""
TOKENS = (1, 10, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6)

ATTEMPT_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
STAGE_S = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30)
"""The gateway's own work is counted in microseconds; waiting for a slow body or a far authority is not."""

_LABELS = ("route", "service", "consumer", "node", "request_type", "request_llm_model", "llm_model")
_LLM_LABELS = ("route_id", "service_id", "consumer", "node", "request_type", "request_llm_model", "llm_model")
_STATUS_LABELS = (
    "code",
    "route",
    "matched_uri",
    "matched_host",
    "service",
    "consumer",
    "node",
    "request_type",
    "request_llm_model",
    "llm_model",
    "response_source",
)
_ACTIVE_LABELS: tuple[str, ...] = (
    "route",
    "route_id",
    "matched_uri",
    "matched_host",
    "service",
    "service_id",
    "consumer",
    "node",
)
_ACTIVE_LABELS += ("request_type", "request_llm_model", "llm_model")
_SPENDER = ("route", "consumer", "node", "provider", "llm_model")
_TARGET = ("node", "provider", "llm_model")
PROTECTED = frozenset({"code", "type"})
"""Labels without which a metric means nothing."""


class Nothing(Cell, Distribution):
    """Counts nothing, where a series would stay empty for ever."""

    def add(self, amount: float = 1) -> None:
        """Nothing."""

    def set(self, value: float) -> None:
        """Nothing."""

    def exemplify(self, value: float, trace_id: str) -> None:
        """Nothing."""

    @staticmethod
    def observe(value: float) -> None:
        """Nothing."""


NOTHING = Nothing()


class TrafficFamilies:
    """All of them, declared once per place; labels that are switched off stay empty."""

    def __init__(self, metrics: Metrics, off: frozenset[str]) -> None:
        self._metrics = metrics
        self._off = off
        counter, histogram = self._counter, self._histogram
        self.status = counter("apisix_http_status", "Requests by status.", _STATUS_LABELS)
        self.latency = histogram(
            "apisix_http_latency", "Milliseconds per request: all, upstream, gateway.", ("type", *_LABELS), LATENCY_MS
        )
        self.bandwidth = counter("apisix_bandwidth", "Bytes of bodies in and out.", ("type", *_LABELS))
        self.llm_latency = histogram(
            "apisix_llm_latency", "Milliseconds to the first token and to the last.", ("type", *_LLM_LABELS), LATENCY_MS
        )
        self.prompt = counter("apisix_llm_prompt_tokens", "Tokens read by models.", _LLM_LABELS)
        self.completion = counter("apisix_llm_completion_tokens", "Tokens written by models.", _LLM_LABELS)
        self.prompt_sizes = histogram("apisix_llm_prompt_tokens_dist", "Tokens read per request.", _LLM_LABELS, TOKENS)
        self.completion_sizes = histogram(
            "apisix_llm_completion_tokens_dist", "Tokens written per request.", _LLM_LABELS, TOKENS
        )
        self.active = self._labelled(
            metrics.gauge,
            "apisix_llm_active_connections",
            "Model requests being answered right now.",
            _ACTIVE_LABELS,
        )
        self.cost = counter("tollhouse_llm_cost_usd_total", "What models cost, in US dollars.", _SPENDER)
        self.tokens = counter("tollhouse_llm_tokens_total", "Tokens by kind, all attempts.", ("type", *_SPENDER))
        self.unpriced = counter(
            "tollhouse_llm_unpriced_total", "Attempts whose price is not known.", ("provider", "llm_model")
        )
        self.took = histogram("tollhouse_attempt_seconds", "Seconds a try on a target took.", _TARGET, ATTEMPT_S)
        self.first = histogram(
            "tollhouse_attempt_first_byte_seconds", "Seconds until a target's first byte.", _TARGET, ATTEMPT_S
        )
        stage = histogram(
            "tollhouse_stage_seconds",
            "Seconds the gateway itself spent: finding the route, knowing the caller, reading the body, admitting "
            "(rates, budgets, guards), and dispatching (all the rest but the targets' time).",
            ("stage",),
            STAGE_S,
        )
        self.stages = [stage(name) for name in ("match", "identify", "read_body", "admit", "dispatch")]
        self.errors = counter("tollhouse_errors_total", "Error answers by code.", ("route", "code"))
        self.aborts = counter("tollhouse_client_aborts_total", "Clients that left before the end.", ("route",))

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Callable[..., Cell]:
        family: Callable[..., Cell] = self._labelled(self._metrics.counter, name, text, labels)
        return family

    def _histogram(
        self, name: str, text: str, labels: tuple[str, ...], buckets: tuple[float, ...]
    ) -> Callable[..., Distribution]:
        family: Callable[..., Distribution] = self._labelled(self._metrics.histogram, name, text, labels, buckets)
        return family

    def _labelled(self, declare: Callable[..., Any], name: str, text: str, labels: tuple[str, ...], *more: Any) -> Any:
        """A family whose switched-off labels stay empty."""
        family = declare(name, text, labels, *more)
        off = [label in self._off for label in labels]
        if not any(off):
            return family
        return lambda *values: family(*("" if hide else value for value, hide in zip(values, off, strict=True)))
