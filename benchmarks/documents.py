"""The configuration Tollhouse is measured with, one per profile."""

from __future__ import annotations

from typing import Any

from benchmarks.requests import KEY

PROFILES = ("bare", "features", "translate", "ledger", "unseen", "seen")
"""``ledger`` is ``features`` on a node that has a control plane, so that every attempt is written down before it is
made. ``unseen`` is ``features`` without metrics and logs, ``seen`` has everything that tells of requests: metrics,
access log, a logger, traces of one in a hundred."""

_PATTERNS = [
    r"ignore (all )?previous instructions",
    r"disregard .{0,40} above",
    r"system prompt",
    r"BEGIN (RSA|EC) PRIVATE KEY",
    r"password\s*[:=]\s*\S+",
    r"AKIA[0-9A-Z]{16}",
    r"sk-[a-zA-Z0-9]{20,}",
    r"ghp_[A-Za-z0-9]{36}",
    r"\b\d{3}-\d{2}-\d{4}\b",
    r"drop table",
    r"rm -rf /",
    r"jailbreak",
    r"developer mode",
    r"act as an? unrestricted",
    r"pretend (to be|you are)",
    r"reveal .{0,30} instructions",
    r"xox[baprs]-[0-9A-Za-z-]{10,}",
    r"eval\(",
    r"base64 decode",
    r"do anything now",
]
"""Twenty patterns as people write them; none matches the benchmark's prompt."""


def document(profile: str, provider_port: int) -> dict[str, Any]:
    """The document of a profile; the provider listens on the given port."""
    endpoint = f"http://127.0.0.1:{provider_port}"
    anthropic = profile == "translate"
    dispatch: dict[str, Any] = {
        "provider": "anthropic" if anthropic else "openai",
        "auth": {"header": {"x-api-key" if anthropic else "Authorization": "Bearer provider-key"}},
        "override": {"endpoint": endpoint + ("/v1/messages" if anthropic else "/v1/chat/completions")},
    }
    if anthropic:
        dispatch["options"] = {"model": "claude-sonnet-4-5"}
    plugins: dict[str, Any] = {"ai-proxy": dispatch}
    route = {"id": "bench", "uri": "/v1/chat/completions", "methods": ["POST"], "plugins": plugins}
    if profile == "bare":
        return {"routes": [route]}
    plugins |= {
        "key-auth": {},
        "limit-count": {"count": 1_000_000_000, "time_window": 60, "key": "consumer_name", "rejected_code": 429},
        "ai-rate-limiting": {"limit": 1_000_000_000_000, "time_window": 60, "limit_strategy": "total_tokens"},
        "ai-prompt-guard": {"deny_patterns": _PATTERNS},
    }
    watching: dict[str, Any] = {} if profile == "unseen" else {"prometheus": {}}
    if profile == "seen":
        ratio = {"name": "trace_id_ratio", "options": {"fraction": 0.01}}
        watching |= {"opentelemetry": {"sampler": ratio}, "file-logger": {"path": "/dev/null"}}
    return {
        "routes": [route],
        "consumers": [{"username": "bench", "plugins": {"key-auth": {"key": KEY}}}],
        "global_rules": [{"id": "1", "plugins": watching}] if watching else [],
        "budgets": [
            {"id": "bench", "unit": "usd", "amount": 1_000_000, "window": "day", "scope": {"consumer": "bench"}}
        ],
    }
