"""Times as people write them."""

from __future__ import annotations

import time

import pytest
from tollhouse.cli.commands._times import moment_ms, shown
from tollhouse.cli.failure import USAGE, Failure


def test_moments_back_and_dates() -> None:
    """A count back from now, a date, a time with and without a zone; nothing is nothing."""
    now = time.time() * 1000
    assert moment_ms("24h", "--since") == pytest.approx(now - 86_400_000, abs=60_000)
    assert moment_ms("1w", "--since") == pytest.approx(now - 7 * 86_400_000, abs=60_000)
    assert moment_ms("2h", "--since", whole_hours=True) % 3_600_000 == 0
    assert moment_ms("2026-11-25", "--since") == moment_ms("2026-11-25T01:00+01:00", "--since") == 1_795_564_800_000
    assert moment_ms("", "--since") == 0
    assert shown(1_795_564_800_000) == "2026-11-25 00:00Z"
    assert shown(0) == ""


def test_what_is_no_time_is_refused_by_its_flag() -> None:
    with pytest.raises(Failure, match=r"--until: expected .* came 'soon'") as refused:
        moment_ms("soon", "--until")
    assert refused.value.code == USAGE
