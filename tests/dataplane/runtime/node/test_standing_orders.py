"""What operators said, on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from tollhouse.dataplane.runtime.node.standing_orders import StandingOrders


def test_a_word_holds_until_it_is_taken_back(tmp_path: Path) -> None:
    """The next process reads it; what was taken back is gone."""
    path = tmp_path / "state" / "targets.json"
    orders = StandingOrders(path)
    orders.set("a", "open")
    orders.set("b", "close")
    orders.set("b", "reset")
    orders.set("never", "reset")
    assert list(StandingOrders(path)) == [("a", "open")]


def test_a_file_nobody_can_read_stops_no_node(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged; the next word makes a new one."""
    path = tmp_path / "targets.json"
    path.write_text("[1")
    orders = StandingOrders(path)
    assert "cannot be read" in caplog.text
    orders.set("a", "open")
    assert path.read_text() == '{"a":"open"}'


def test_without_a_disk_it_holds_for_this_process(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An operator's word counts in an incident, even where nothing can be written."""
    (tmp_path / "file").write_text("")
    orders = StandingOrders(tmp_path / "file" / "targets.json")
    orders.set("a", "open")
    assert list(orders) == [("a", "open")]
    assert "will not outlive" in caplog.text
