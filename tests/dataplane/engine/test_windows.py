"""Windows by rule: whatever the time and the zone, each moment is in one window, and windows follow one another."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.engine.windows import LENGTHS, span_at

ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata", "Africa/Cairo", "Asia/Beirut"]
)
MOMENTS = st.integers(1_400_000_000, 2_100_000_000)
CALENDARS = st.sampled_from(["minute", "hour", "day", "week", "month"])


@given(CALENDARS, MOMENTS, ZONES)
def test_each_moment_is_in_its_window_and_the_next_begins_where_it_ends(window: str, now: int, name: str) -> None:
    """No gaps and no overlaps, also on days with 23 or 25 hours."""
    zone = ZoneInfo(name)
    span = span_at(window, now, zone)  # type: ignore[arg-type]
    assert span.bucket <= now < span.ends
    assert span_at(window, span.bucket, zone) == span  # type: ignore[arg-type]
    assert span_at(window, span.ends - 1, zone) == span  # type: ignore[arg-type]
    assert span_at(window, span.ends, zone).bucket == span.ends  # type: ignore[arg-type]


@given(CALENDARS, MOMENTS, st.integers(0, 40 * 86400))
def test_a_rolling_window_forgets_nothing_too_early(window: str, now: int, later: int) -> None:
    """What was used less than the window's length ago counts, and what is two lengths old does not."""
    zone = ZoneInfo("UTC")
    used = span_at(window, now, zone, rolling=True)  # type: ignore[arg-type]
    then = span_at(window, now + later, zone, rolling=True)  # type: ignore[arg-type]
    if later <= LENGTHS[window]:
        assert used.bucket >= then.since
        assert used.expires > now + later - 1
    if later >= 2 * LENGTHS[window]:
        assert used.bucket < then.since


def test_days_of_a_clock_change() -> None:
    """Berlin's last Sunday of March has 23 hours, that of October 25."""
    zone = ZoneInfo("Europe/Berlin")
    for day, hours in ((datetime(2026, 3, 29, 12, tzinfo=UTC), 23), (datetime(2026, 10, 25, 12, tzinfo=UTC), 25)):
        span = span_at("day", day.timestamp(), zone)
        assert span.ends - span.bucket == hours * 3600


def test_a_day_whose_midnight_does_not_exist_begins_at_the_jump() -> None:
    """Beirut's clocks went from 0:00 to 1:00 on 27 March 2022."""
    zone = ZoneInfo("Asia/Beirut")
    span = span_at("day", datetime(2022, 3, 27, 12, tzinfo=UTC).timestamp(), zone)
    assert datetime.fromtimestamp(span.bucket, zone).hour == 1
    assert span.ends - span.bucket == 23 * 3600


def test_months_and_weeks_are_the_calendars() -> None:
    """A month begins on its first day in the zone, a week on Monday."""
    zone = ZoneInfo("America/New_York")
    now = datetime(2026, 2, 11, 3, tzinfo=UTC).timestamp()
    month, week = span_at("month", now, zone), span_at("week", now, zone)
    assert datetime.fromtimestamp(month.bucket, zone).isoformat() == "2026-02-01T00:00:00-05:00"
    assert datetime.fromtimestamp(month.ends, zone).isoformat() == "2026-03-01T00:00:00-05:00"
    assert datetime.fromtimestamp(week.bucket, zone).isoformat() == "2026-02-09T00:00:00-05:00"


def test_total_never_ends() -> None:
    """One bucket for good."""
    assert span_at("total", 1e9, ZoneInfo("UTC")) == span_at("total", 2e9, ZoneInfo("UTC"))
