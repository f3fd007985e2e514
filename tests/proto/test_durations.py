"""Times as people write them."""

from __future__ import annotations

import pytest
from tollhouse.proto.durations import duration_s


def test_numbers_are_seconds_and_units_are_known() -> None:
    """Also as numbers."""
    assert [duration_s(text) for text in ("90", 90, "90s", "30m", " 2h", "7d")] == [90, 90, 90, 1800, 7200, 604800]


@pytest.mark.parametrize("text", ["", "h", "0", "-1h", "1.5h", "1w", "1h30m", "9999999999"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(ValueError, match="write one like 90s"):
        duration_s(text)
