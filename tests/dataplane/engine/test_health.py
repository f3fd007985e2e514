"""Thresholds of health checks."""

from __future__ import annotations

from tollhouse.dataplane.engine.health import NodeHealth


def test_failures_of_one_kind_in_a_row_make_it_sick() -> None:
    """A success between starts the count again; other kinds are counted apart."""
    node = NodeHealth()
    assert not node.failure("http_failure", 2)
    node.success(1)
    assert not node.failure("http_failure", 2)
    assert not node.failure("timeout", 2)
    assert node.failure("http_failure", 2)
    assert not node.healthy


def test_successes_in_a_row_make_it_well() -> None:
    """A failure between starts the count again."""
    node = NodeHealth()
    node.failure("tcp_failure", 1)
    assert not node.success(2)
    node.failure("tcp_failure", 1)
    assert not node.success(2)
    assert node.success(2)
    assert node.healthy


def test_nought_means_never() -> None:
    """Thresholds of 0 switch a judgement off."""
    node = NodeHealth()
    for _ in range(10):
        node.failure("timeout", 0)
    assert node.healthy
    node.failure("timeout", 1)
    for _ in range(10):
        node.success(0)
    assert not node.healthy
    assert node.counters() == {"success": 0}
