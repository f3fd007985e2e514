"""The policy that follows from a config. The schema is tested with the plugin."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.dispatch.choosing.plan import BY_RECORD, Limits
from tollhouse.dataplane.dispatch.setup.multi_options import MultiConfig, limits_with, policy_of
from tollhouse.dataplane.engine.failover import NO_FAILOVER, Policy

ONE = {"instances": [{"name": "a", "provider": "openai", "weight": 1}]}
ALL_5XX = frozenset(range(500, 600))


@pytest.mark.parametrize(
    ("config", "policy"),
    [
        (ONE, NO_FAILOVER),
        ({**ONE, "fallback_strategy": "instance_health_and_rate_limiting"}, NO_FAILOVER),
        ({**ONE, "fallback_strategy": ["rate_limiting"]}, NO_FAILOVER),
        ({**ONE, "fallback_strategy": "any"}, Policy()),
        ({"models": "*"}, Policy()),
        ({"models": "*", "timeouts": {"total": 9000}, "max_retries": 1}, Policy(deadline_s=9, max_retries=1)),
        (
            {**ONE, "fallback_strategy": "http_429", "fallback_http_statuses": [401]},
            Policy(statuses=frozenset({429, 401}), same_target_retries=0),
        ),
        (
            {"models": ["a"], "fallback_strategy": ["http_5xx"], "retry_on_failure_within_ms": 250},
            Policy(statuses=ALL_5XX, same_target_retries=0, within_s=0.25),
        ),
    ],
)
def test_strategies_as_policies(config: dict[str, Any], policy: Policy) -> None:
    """APISIX's own never retry by default; the catalogue fails over by meaning."""
    assert policy_of(MultiConfig.model_validate(config)) == policy


@pytest.mark.parametrize(
    ("config", "hedge_s"),
    [
        ({"models": "*"}, None),
        ({"models": "*", "hedge_after_ms": None}, None),
        ({"models": "*", "hedge_after_ms": 0}, None),
        ({"models": "*", "hedge_after_ms": 1500}, 1.5),
        ({"models": "*", "hedge_after_ms": "auto"}, BY_RECORD),
        ({**ONE, "fallback_strategy": "http_5xx", "hedge_after_ms": "auto"}, BY_RECORD),
        ({**ONE, "fallback_strategy": "http_429", "hedge_after_ms": "auto"}, None),
    ],
)
def test_a_rival_is_opt_in(config: dict[str, Any], hedge_s: float | None) -> None:
    """Asking twice costs twice: only where the operator said so, and by record only where slowness fails over."""
    assert limits_with(MultiConfig.model_validate(config), Limits()).hedge_s == hedge_s
