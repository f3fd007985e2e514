"""Writes docs/metrics.md from the code (``make gen``)."""

from __future__ import annotations

from tools.metric_families import ROOT, MetricFamily, families

PAGE = ROOT / "docs/metrics.md"

HEAD = """# Metrics

This page is made from the code (`make gen`); a test compares them.

One scrape of a node covers all its workers: `GET /metrics` on the control port (9090, loopback unless configured), or
the `export_uri` of the `prometheus` plugin on the traffic port. Metrics that begin with `apisix_` have the names,
labels and units of APISIX; those that begin with `tollhouse_` are ours. Histograms of seconds and milliseconds reach
ten minutes, because long generations are the rule.

Labels are bounded: a family never has more series than `max_series` (2,000 unless configured); what comes after that
counts under `other`. Words that callers make up (model names nobody configured, fingerprints of unknown keys) are
folded into `other` after 200. `disabled_labels` in the plugin's metadata keeps labels empty.

Dashboards that use these metrics are in `deploy/grafana/`, alert rules in `deploy/prometheus/alerts.yml`.
"""

SECTIONS = (
    ("Requests", ("apisix_http", "apisix_bandwidth", "tollhouse_errors", "tollhouse_client", "tollhouse_stage")),
    ("Models, tokens and money", ("apisix_llm", "tollhouse_llm", "tollhouse_budget", "tollhouse_spend")),
    ("Targets", ("tollhouse_attempt", "tollhouse_failover", "tollhouse_breaker", "tollhouse_target")),
    ("Nodes and everything else", ("",)),
)


def render() -> str:
    """The page."""
    left = families()
    parts = [HEAD]
    for title, beginnings in SECTIONS:
        here = [one for one in left if one.name.startswith(beginnings)]
        left = [one for one in left if one not in here]
        parts += [f"\n## {title}\n"] if here else []
        parts += [_entry(one) for one in here]
    return "\n".join(parts)


def _entry(one: MetricFamily) -> str:
    labels = ", ".join(f"`{label}`" for label in one.labels) or "none"
    buckets = f"  \nBuckets: {', '.join(f'{bound:g}' for bound in one.buckets)}" if one.buckets else ""
    return f"### `{one.name}`\n\n{one.text} ({one.kind})  \nLabels: {labels}{buckets}\n"


if __name__ == "__main__":
    PAGE.write_text(render())
