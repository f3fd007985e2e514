"""What the dashboards show: one description from which the JSON is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Panel:
    """One picture or number. ``queries``: legend -> PromQL."""

    title: str
    queries: Mapping[str, str]
    unit: str = "short"
    kind: Literal["timeseries", "stat", "table"] = "timeseries"
    width: int = 12
    text: str = ""
    stacked: bool = False
    bad_from: float | None = None


@dataclass(frozen=True)
class Page:
    """One dashboard."""

    name: str
    title: str
    text: str
    rows: Mapping[str, tuple[Panel, ...]]
    variables: Mapping[str, str] = field(default_factory=dict)
    since: str = "now-6h"


def _number(title: str, query: str, unit: str = "short", *, bad_from: float | None = None, text: str = "") -> Panel:
    return Panel(title, {"": query}, unit, "stat", 4, text, bad_from=bad_from)


def _top(title: str, query: str, unit: str = "short", width: int = 8) -> Panel:
    return Panel(title, {"": query}, unit, "table", width)


def _quantiles(metric: str, where: str = "") -> dict[str, str]:
    return {
        f"p{quantile}": f"histogram_quantile(0.{quantile}, sum by (le) (rate({metric}_bucket{{{where}}}[$__rate_interval])))"
        for quantile in ("50", "95", "99")
    }


_R = "[$__rate_interval]"

OVERVIEW = Page(
    "overview",
    "Overview",
    "Is everything fine right now: traffic, errors, latency, money, and what is not as it should be.",
    {
        "Now": (
            _number("Requests per second", f"sum(rate(apisix_http_status{_R}))", "reqps"),
            _number(
                "Errors (5xx)",
                f'sum(rate(apisix_http_status{{code=~"5.."}}{_R})) / sum(rate(apisix_http_status{_R}))',
                "percentunit",
                bad_from=0.01,
            ),
            _number("Spend in the last hour", "sum(increase(tollhouse_llm_cost_usd_total[1h]))", "currencyUSD"),
            _number("Model requests under way", "sum(apisix_llm_active_connections)"),
            _number("Failovers per minute", f"60 * sum(rate(tollhouse_failovers_total{_R}))", bad_from=10),
            _number("Nodes serving", "count(tollhouse_workers_serving > 0)"),
        ),
        "Traffic": (
            Panel(
                "Answers by status",
                {"{{code}}": f"sum by (code) (rate(apisix_http_status{_R}))"},
                "reqps",
                stacked=True,
            ),
            Panel("Errors by code", {"{{code}}": f"sum by (code) (rate(tollhouse_errors_total{_R}))"}, "reqps"),
            Panel("Whole request", _quantiles("apisix_http_latency", 'type="request"'), "ms"),
            Panel("Time to the first token", _quantiles("apisix_llm_latency", 'type="ttft"'), "ms"),
            Panel(
                "The gateway's own time, by stage (p95)",
                {
                    "{{stage}}": "histogram_quantile(0.95, sum by (le, stage) "
                    f"(rate(tollhouse_stage_seconds_bucket{_R})))"
                },
                "s",
            ),
            Panel(
                "Clients that left early",
                {"{{route}}": f"sum by (route) (rate(tollhouse_client_aborts_total{_R}))"},
                "reqps",
            ),
        ),
    },
)

COST = Page(
    "cost",
    "Cost",
    "What is spent, by whom, on what, and what it buys.",
    {
        "Sums over the shown time": (
            _number("Spend", "sum(increase(tollhouse_llm_cost_usd_total[$__range]))", "currencyUSD"),
            _number("Tokens", 'sum(increase(tollhouse_llm_tokens_total{type=~"input|output"}[$__range]))'),
            _number(
                "Input read from caches",
                'sum(increase(tollhouse_llm_tokens_total{type="cached"}[$__range])) '
                '/ sum(increase(tollhouse_llm_tokens_total{type="input"}[$__range]))',
                "percentunit",
            ),
            _number(
                "USD per million tokens",
                "1e6 * sum(increase(tollhouse_llm_cost_usd_total[$__range])) "
                '/ sum(increase(tollhouse_llm_tokens_total{type=~"input|output"}[$__range]))',
                "currencyUSD",
            ),
            _number(
                "Attempts without a known price",
                "sum(increase(tollhouse_llm_unpriced_total[$__range]))",
                bad_from=1,
                text="Their cost is missing in every sum on this page.",
            ),
        ),
        "Budgets": (
            Panel(
                "Spent of each budget",
                {"{{key}}": "max by (budget, key) (tollhouse_budget_spent / tollhouse_budget_limit)"},
                "percentunit",
                bad_from=0.9,
            ),
            Panel(
                "Left (USD)",
                {"{{key}}": 'min by (budget, key) (tollhouse_budget_remaining{unit="usd"})'},
                "currencyUSD",
            ),
            Panel(
                "Attempts without room in a budget",
                {"{{budget}} {{mode}}": f"sum by (budget, mode) (rate(tollhouse_budget_refusals_total{_R}))"},
                "ops",
            ),
        ),
        "Who and what": (
            Panel(
                "USD per hour by agent",
                {"{{consumer}}": f"3600 * sum by (consumer) (rate(tollhouse_llm_cost_usd_total{_R}))"},
                "currencyUSD",
                stacked=True,
            ),
            Panel(
                "USD per hour by model",
                {"{{llm_model}}": f"3600 * sum by (llm_model) (rate(tollhouse_llm_cost_usd_total{_R}))"},
                "currencyUSD",
                stacked=True,
            ),
            _top(
                "Dearest agents",
                "topk(20, sum by (consumer) (increase(tollhouse_llm_cost_usd_total[$__range])))",
                "currencyUSD",
            ),
            _top(
                "Dearest models",
                "topk(20, sum by (llm_model, provider) (increase(tollhouse_llm_cost_usd_total[$__range])))",
                "currencyUSD",
            ),
            _top(
                "Dearest routes",
                "topk(20, sum by (route) (increase(tollhouse_llm_cost_usd_total[$__range])))",
                "currencyUSD",
            ),
        ),
    },
    since="now-7d",
)

AGENTS = Page(
    "agents",
    "Agents",
    "What each agent does: requests, tokens, money, refusals, latency.",
    {
        "Chosen agents": (
            Panel(
                "Requests",
                {"{{consumer}}": f'sum by (consumer) (rate(apisix_http_status{{consumer=~"$agent"}}{_R}))'},
                "reqps",
            ),
            Panel(
                "Refused and failed",
                {
                    "{{consumer}} {{code}}": f'sum by (consumer, code) (rate(apisix_http_status{{consumer=~"$agent", code=~"4..|5.."}}{_R}))'
                },
                "reqps",
            ),
            Panel(
                "USD per hour",
                {
                    "{{consumer}}": f'3600 * sum by (consumer) (rate(tollhouse_llm_cost_usd_total{{consumer=~"$agent"}}{_R}))'
                },
                "currencyUSD",
            ),
            Panel(
                "Tokens per second",
                {
                    "{{consumer}} {{type}}": f'sum by (consumer, type) (rate(tollhouse_llm_tokens_total{{consumer=~"$agent", type=~"input|output"}}{_R}))'
                },
            ),
            Panel(
                "Under way", {"{{consumer}}": 'sum by (consumer) (apisix_llm_active_connections{consumer=~"$agent"})'}
            ),
            Panel(
                "Time to the first token (p95)",
                {
                    "{{consumer}}": f'histogram_quantile(0.95, sum by (le, consumer) (rate(apisix_llm_latency_bucket{{type="ttft", consumer=~"$agent"}}{_R})))'
                },
                "ms",
            ),
            Panel(
                "Rate limits that refused",
                {"{{plugin}} {{place}}": f"sum by (plugin, place) (rate(tollhouse_rate_limited_total{_R}))"},
                "reqps",
            ),
            Panel(
                "Input tokens per request (p95)",
                {
                    "{{consumer}}": f'histogram_quantile(0.95, sum by (le, consumer) (rate(apisix_llm_prompt_tokens_dist_bucket{{consumer=~"$agent"}}{_R})))'
                },
            ),
        ),
    },
    {"agent": "label_values(tollhouse_llm_cost_usd_total, consumer)"},
)

PROVIDERS = Page(
    "providers",
    "Providers and targets",
    "How each target does: attempts and how they end, latency, failovers, breakers.",
    {
        "Attempts": (
            Panel(
                "How attempts end",
                {"{{outcome}}": f'sum by (outcome) (rate(tollhouse_attempts_total{{provider=~"$provider"}}{_R}))'},
                "reqps",
                stacked=True,
            ),
            Panel(
                "Failed attempts by target",
                {
                    "{{target}} {{outcome}}": f'sum by (target, outcome) (rate(tollhouse_attempts_total{{provider=~"$provider", outcome!~"ok|cancelled"}}{_R}))'
                },
                "reqps",
            ),
            Panel(
                "Good attempts",
                {
                    "{{target}}": f'sum by (target) (rate(tollhouse_attempts_total{{provider=~"$provider", outcome="ok"}}{_R})) / sum by (target) (rate(tollhouse_attempts_total{{provider=~"$provider", outcome!="cancelled"}}{_R}))'
                },
                "percentunit",
            ),
            Panel(
                "Failovers",
                {
                    "{{target}} to {{next}} ({{reason}})": f"sum by (target, next, reason) (rate(tollhouse_failovers_total{_R}))"
                },
                "reqps",
            ),
        ),
        "Breakers": (
            Panel(
                "Breakers (0 closed, 1 half open, 2 open)",
                {"{{target}} {{model}}": "max by (target, model) (tollhouse_breaker_state)"},
                bad_from=2,
            ),
            Panel(
                "Second requests, because the first was slow",
                {"{{target}} and {{rival}}": f"sum by (target, rival) (rate(tollhouse_hedges_total{_R}))"},
                "reqps",
            ),
        ),
        "Latency": (
            Panel(
                "First byte (p95)",
                {
                    "{{node}} {{llm_model}}": f'histogram_quantile(0.95, sum by (le, node, llm_model) (rate(tollhouse_attempt_first_byte_seconds_bucket{{provider=~"$provider"}}{_R})))'
                },
                "s",
            ),
            Panel(
                "Whole attempt (p95)",
                {
                    "{{node}} {{llm_model}}": f'histogram_quantile(0.95, sum by (le, node, llm_model) (rate(tollhouse_attempt_seconds_bucket{{provider=~"$provider"}}{_R})))'
                },
                "s",
            ),
        ),
    },
    {"provider": "label_values(tollhouse_attempts_total, provider)"},
)

FLEET = Page(
    "fleet",
    "Fleet",
    "The nodes themselves: configuration, workers, counters, what was lost on the way.",
    {
        "Nodes": (
            _number("Nodes", "count(apisix_node_info)"),
            _number("Draining", "sum(tollhouse_draining)"),
            _number("Objects refused", "sum(tollhouse_config_refused_objects)", bad_from=1),
            _number("Oldest configuration", "max(tollhouse_config_age_seconds)", "s", bad_from=60),
            _number(
                "Behind the newest revision",
                "max(tollhouse_config_known_revision) - min(tollhouse_config_revision)",
                bad_from=1,
            ),
            _number("etcd reachable", "min(apisix_etcd_reachable)"),
        ),
        "Over time": (
            Panel("Configuration revision", {"{{instance}}": "tollhouse_config_revision"}),
            Panel("Seconds since the source was heard of", {"{{instance}}": "tollhouse_config_age_seconds"}, "s"),
            Panel("Workers serving", {"{{instance}}": "tollhouse_workers_serving"}),
            Panel("Workers replaced", {"{{instance}}": "increase(tollhouse_worker_restarts_total[1h])"}),
            Panel("Usage records on disk", {"{{instance}}": "tollhouse_outbox_bytes"}, "bytes"),
            Panel("Ledger reachable", {"{{instance}}": "tollhouse_ledger_reachable"}),
            Panel("Shared counters reachable", {"{{instance}}": "tollhouse_counters_reachable"}),
            Panel(
                "Shared counter operations that failed",
                {"{{instance}}": f"rate(tollhouse_counter_failures_total{_R})"},
                "ops",
            ),
            Panel(
                "Telemetry lost",
                {
                    "log lines {{path}}": f"sum by (path) (rate(tollhouse_log_lines_dropped_total{_R}))",
                    "log entries {{plugin}}": f"sum by (plugin) (rate(tollhouse_log_entries_dropped_total{_R}))",
                    "spans {{collector}}": f"sum by (collector) (rate(tollhouse_spans_dropped_total{_R}))",
                },
            ),
        ),
    },
)

GUARDS = Page(
    "guards",
    "Guards",
    "What guards decided, where and how often.",
    {
        "Verdicts": (
            Panel(
                "By action",
                {
                    "{{action}} {{direction}}": f'sum by (action, direction) (rate(tollhouse_guard_verdicts_total{{rule_group=~"$group"}}{_R}))'
                },
                "ops",
                stacked=True,
            ),
            Panel(
                "By rule group, without what passed",
                {
                    "{{rule_group}}": f'sum by (rule_group) (rate(tollhouse_guard_verdicts_total{{rule_group=~"$group", action!="allow"}}{_R}))'
                },
                "ops",
            ),
            _top(
                "Most hits over the shown time",
                'topk(20, sum by (rule_group, action) (increase(tollhouse_guard_verdicts_total{action!="allow"}[$__range])))',
                width=12,
            ),
            Panel(
                "Answers refused by guards and limits",
                {"{{code}}": f"sum by (code) (rate(tollhouse_errors_total{_R}))"},
                "reqps",
            ),
        ),
        "What it costs": (
            Panel(
                "Admitting (rates, budgets, guards), p50 and p99",
                {
                    "p50": f'histogram_quantile(0.5, sum by (le) (rate(tollhouse_stage_seconds_bucket{{stage="admit"}}{_R})))',
                    "p99": f'histogram_quantile(0.99, sum by (le) (rate(tollhouse_stage_seconds_bucket{{stage="admit"}}{_R})))',
                },
                "s",
            ),
        ),
    },
    {"group": "label_values(tollhouse_guard_verdicts_total, rule_group)"},
)

PAGES = (OVERVIEW, COST, AGENTS, PROVIDERS, GUARDS, FLEET)
