"""Vendors recognised by host. The rewriting itself is tested with the plugins."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.dispatch.setup.tutorial import normalise_multi, normalise_single, vendor_of


@pytest.mark.parametrize(
    ("address", "vendor"),
    [("api.openai.com", "openai"), ("API.anthropic.com:443", "anthropic"), ("openrouter.ai", "openrouter")],
)
def test_hosts_name_vendors(address: str, vendor: str) -> None:
    """With or without the usual port, in any case."""
    found = vendor_of(address)
    assert found is not None
    assert found.type == vendor


def test_strangers_are_nobody() -> None:
    """Another port is another server."""
    assert vendor_of("api.openai.com:80") is None
    assert vendor_of("example.com") is None


def test_two_nodes_of_one_vendor_get_names_of_their_own() -> None:
    """Instance names must be unique."""
    config: dict[str, object] = {}
    nodes = [{"host": "api.openai.com", "weight": 1}, {"host": "api.openai.com", "port": 443, "weight": 2}]
    normalise_multi(config, {"upstream": {"nodes": nodes}})
    instances: list[dict[str, object]] = config["instances"]  # type: ignore[assignment]
    assert [one["name"] for one in instances] == ["openai", "openai-2"]


def test_what_has_nothing_to_set_here_is_left_out_with_a_note() -> None:
    """APISIX's options for pools, flushing and summaries."""
    for normalise in (normalise_single, lambda config: normalise_multi(config, {})):
        config = {"keepalive_pool": 30, "streaming_flush_interval_ms": 5, "logging": {"summaries": True}, "models": "*"}
        notes = normalise(config)
        assert config == {"logging": {}, "models": "*"}
        assert len(notes) == 3
        assert "llm_summary" in notes[2]
