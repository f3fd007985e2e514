"""Where objects of the configuration lead."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.proto.destinations import unreachable
from tollhouse.proto.reachable import Reachable

HOSTS = (
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[::169.254.169.254]",
    "[fd00:ec2::254]",
    "[fe80::1%25eth0]",
    "100.100.100.200",
    "metadata.google.internal",
    "METADATA.google.internal.",
    "\uff11\uff16\uff19.254.169.254",
    "169%2e254.169.254",
)


@pytest.mark.parametrize("host", HOSTS)
def test_metadata_addresses_are_refused_in_every_spelling(host: str) -> None:
    """In the address of a provider, with the field's name and a remedy."""
    [problem] = unreachable({"type": "openai", "endpoint": f"http://{host}:80/v1"}, "providers/p", Reachable())
    assert problem.where == "providers/p.endpoint"
    assert "TOLLHOUSE_REACHABLE" in (problem.hint or "")


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"upstream": {"nodes": {"169.254.169.254:80": 1}}}, ".upstream.nodes.169.254.169.254:80"),
        ({"nodes": [{"host": "169.254.169.254", "port": 80}]}, ".nodes[0].host"),
        ({"plugins": {"syslog": {"host": "169.254.1.1", "port": 1}}}, ".plugins.syslog.host"),
        ({"plugins": {"http-logger": {"uri": "http://169.254.1.1/"}}}, ".plugins.http-logger.uri"),
        ({"plugins": {"limit-count": {"redis_host": "169.254.1.1"}}}, ".plugins.limit-count.redis_host"),
        ({"plugins": {"kafka-logger": {"brokers": [{"host": "fe80::1"}]}}}, ".plugins.kafka-logger.brokers[0].host"),
        ({"plugins": {"jwt-auth": {"issuers": [{"jwks_uri": "https://169.254.1.1/k"}]}}}, "[0].jwks_uri"),
        ({"plugins": {"ai-moderation": {"endpoint": "http://169.254.1.1/"}}}, ".plugins.ai-moderation.endpoint"),
        ({"type": "webhook", "url": "http://169.254.1.1/"}, ".url"),
        ({"type": "smtp", "url": "smtp://169.254.1.1:25"}, ".url"),
        ({"uri": "http://169.254.1.1:8200", "token": "x"}, ".uri"),
    ],
)
def test_every_kind_of_server_is_looked_at(value: dict[str, Any], path: str) -> None:
    """Whatever an object calls it."""
    [problem] = unreachable(value, "x", Reachable())
    assert problem.where.endswith(path)


def test_what_is_only_said_or_local_passes() -> None:
    """Patterns and labels are no destinations; local models stay reachable, and the operator has the last word."""
    value = {
        "desc": "http://169.254.169.254/",
        "hosts": ["169.254.169.254"],
        "plugins": {"ai-prompt-guard": {"deny_patterns": ["http://169.254.169.254/"]}},
        "endpoint": "http://127.0.0.1:11434",
        "upstream": {"nodes": {"10.0.0.8:80": 1, "0.0.0.0": 1, "0\x00": 1}},
        "url": "$env://WEBHOOK",
    }
    assert unreachable(value, "x", Reachable()) == []
    open_ = Reachable(allowed=["169.254.169.254/32"])
    for host in ("169.254.169.254", "metadata.google.internal"):
        assert unreachable({"endpoint": f"http://{host}/"}, "x", open_) == []
