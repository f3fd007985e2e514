"""Where a period will end: by days of the week, by the last days, or by today alone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from tollhouse.controlplane.ledger.answers import BadQuestion, Question
from tollhouse.controlplane.ledger.forecast import bounds, forecast
from tollhouse.controlplane.ledger.ledger import Ledger

from tests.support.ledgers import HOUR, record

DAY = 24 * HOUR
MONDAY = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp()) * 1000


def at(day: int, hour: int = 12) -> int:
    """So many days from the Monday of the week asked about."""
    return MONDAY + day * DAY + hour * HOUR


async def test_weekends_are_expected_to_be_quiet(ledger: Ledger) -> None:
    """Four weeks of working days at 1000: on Wednesday at noon, two and a half more of them are to come."""
    days = [day for day in range(-28, 2) if day % 7 < 5]
    await ledger.store([record(f"{day}", started_ms=at(day)) for day in days])
    await ledger.store([record("today", started_ms=at(2, 8), cost_nano_usd=400, consumer="late")])
    found = await forecast(ledger._engine, "week", "", Question(("consumer",)), at(2))
    assert (found.total.spent, found.total.expected) == (2400, 4900)
    assert (found.total.low, found.total.high) == (4900, 4900), "every such day was alike"
    assert found.total.before == 5000
    assert [(line.keys["consumer"], line.spent, line.expected) for line in found.lines] == [
        ("coder", 2000, 4500),
        ("late", 400, 400 + round(4.5 * 800)),
    ]


async def test_days_that_stray_widen_the_bounds(ledger: Ledger) -> None:
    """The forecast is between them, and what was spent already is never taken back."""
    costs = [500, 3000, 200, 1800, 900, 2500, 100]
    await ledger.store([record(str(n), started_ms=at(n - 7), cost_nano_usd=cost) for n, cost in enumerate(costs)])
    found = await forecast(ledger._engine, "month", "Europe/Berlin", Question(), at(0, 0))
    line = found.total
    assert line.rate == round(sum(costs) / 7)
    assert line.spent <= line.low < line.expected < line.high
    assert found.lines == []


async def test_on_the_first_day_it_goes_on_like_today(ledger: Ledger) -> None:
    """There is no history; half a day cost 600."""
    await ledger.store([record("a", started_ms=at(0, 3), cost_nano_usd=600)])
    found = await forecast(ledger._engine, "day", "", Question(), at(0))
    assert (found.total.spent, found.total.expected) == (600, 1200)
    nothing = await forecast(ledger._engine, "month", "", Question(filter={"consumer": "nobody"}), at(0))
    assert (nothing.total.spent, nothing.total.expected, nothing.total.high) == (0, 0, 0)


def test_periods_follow_the_calendar_of_their_zone() -> None:
    """A month with a change of clocks is an hour longer; weeks begin on Monday."""
    start, end = bounds("month", datetime(2026, 10, 31, 23, 30, tzinfo=ZoneInfo("Europe/Berlin")))
    assert (end.astimezone(UTC) - start.astimezone(UTC)).total_seconds() == (31 * 24 + 1) * 3600
    start, _ = bounds("week", datetime(2026, 11, 29, tzinfo=ZoneInfo("Asia/Tokyo")))
    assert start.day == 23


@pytest.mark.parametrize(
    ("period", "zone", "by", "words"),
    [
        ("year", "", (), "there are day, week, month"),
        ("day", "Mars/Olympus", (), "use a name like Europe/Berlin"),
        ("day", "", ("hour",), "not by hour"),
    ],
)
async def test_what_does_not_fit_is_said(
    ledger: Ledger, period: str, zone: str, by: tuple[str, ...], words: str
) -> None:
    """With what there is."""
    with pytest.raises(BadQuestion, match=words):
        await forecast(ledger._engine, period, zone, Question(by), at(0))
