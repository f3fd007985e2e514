"""Timeouts and bounds as configured."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.dispatch.choosing.plan import PATIENT
from tollhouse.dataplane.dispatch.setup.options import Override, ProxyConfig, limits_of, missing_endpoint
from tollhouse.dataplane.transport import Timeouts


def test_apisix_default_is_thirty_seconds_per_phase() -> None:
    """Where a config says nothing and no other patience applies."""
    assert limits_of(ProxyConfig(), None).timeouts == Timeouts(30, 30, 30, 30)
    assert limits_of(ProxyConfig(), PATIENT).timeouts == PATIENT


def test_timeout_outweighs_patience_and_phases_outweigh_timeout() -> None:
    """The more exact word counts."""
    config = ProxyConfig.model_validate({"timeout": 1000, "timeouts": {"first_byte": 5000, "total": 9000}})
    assert limits_of(config, PATIENT).timeouts == Timeouts(1, 5, 1, 1, 9)


def test_bounds_are_taken_over() -> None:
    """Milliseconds become seconds."""
    config = ProxyConfig(max_stream_duration_ms=1500, max_response_bytes=7, max_req_body_size=8)
    limits = limits_of(config, None)
    assert (limits.max_stream_s, limits.max_response_bytes, limits.max_body_bytes) == (1.5, 7, 8)


@pytest.mark.parametrize(
    ("provider", "override", "missing"),
    [
        ("openai", None, False),
        ("openai-compatible", None, True),
        ("azure-openai", Override(), True),
        ("openai-compatible", Override(endpoint="http://h"), False),
    ],
)
def test_vendors_without_address_need_one(provider: str, override: Override | None, missing: bool) -> None:
    """And the message names the field."""
    assert ("override.endpoint" in missing_endpoint(provider, override)) is missing


def test_addresses_may_be_references() -> None:
    """An endpoint is a URL; anything else is named."""
    with pytest.raises(ValueError, match="not an http"):
        Override(endpoint="api.openai.com")
