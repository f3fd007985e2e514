"""The table, and the same as a picture (SVG, no library needed)."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from benchmarks.before_after.figures import Figures, Incident, Slow
from benchmarks.before_after.scenario import Scenario

Row = tuple[str, Callable[[Figures], str], str]

ROWS: tuple[Row, ...] = (
    ("cost visibility", lambda one: f"{one.visibility:.1%}", "100 %"),
    ("failover p99, provider down", lambda one: _moved(one.failover_p99_s, one.failovers), "< 1 s"),
    ("failover p99, slow, streams", lambda one: _moved(one.streamed.p99_s, one.streamed.calls), ""),
    ("failover p99, slow, whole answers", lambda one: _moved(one.whole.p99_s, one.whole.calls), ""),
    ("failover p50, slow, whole answers", lambda one: _moved(one.whole.p50_s, one.whole.calls), ""),
    ("p99 beyond when it was due, streams", lambda one: _overdue(one, one.streamed), "< 1 s"),
    ("p99 beyond when it was due, whole", lambda one: _overdue(one, one.whole), ""),
    ("incidents detected", lambda one: f"{sum(map(_is_noticed, (one.runaway, one.injected)))} of 2", "all"),
    ("runaway agent noticed after", lambda one: _noticed(one.runaway), "< 1 min"),
    ("runaway calls blocked", lambda one: f"{one.runaway.stopped:,} of {one.runaway.calls:,}", "all beyond its limit"),
    ("injected prompts noticed after", lambda one: _noticed(one.injected), ""),
    ("injected prompts blocked", lambda one: f"{one.injected.stopped:,} of {one.injected.calls:,}", ""),
    ("ordinary calls wrongly blocked", lambda one: f"{one.wrongly_blocked:,} of {one.calls:,}", "0"),
    ("downtime a month, equivalent", lambda one: _duration(one.downtime_min_month * 60), "< 5 min"),
    ("failed calls", lambda one: f"{one.failed:,} of {one.calls:,}", "0"),
    ("USD per million tokens", lambda one: f"{one.usd_per_million:.2f}", "15 to 8"),
    ("USD billed that day", lambda one: f"{one.usd:,.2f}", ""),
    ("USD known before the bill", lambda one: f"{one.told_usd:,.2f}", ""),
    ("hard tasks on a capable model", lambda one: f"{one.hard_on_capable:.1%}", ">= 85 %"),
    ("easy tasks on a cheap model", lambda one: f"{one.easy_on_cheap:.1%}", ""),
    ("USD for answers nobody got", lambda one: f"{one.wasted_usd:.2f}", ""),
    ("duration p50 / p99", lambda one: f"{one.p50_s:.1f} / {one.p99_s:.1f} s", ""),
    ("duration p99 in the slow hour", lambda one: f"{one.slow_p99_s:.1f} s", ""),
    ("requests to providers", lambda one: f"{one.provider_requests:,}", ""),
)


def table(before: Figures, after: Figures, scenario: Scenario) -> str:
    """For the terminal."""
    slow = scenario.slowness
    lines = [
        f"one simulated day, {len(scenario.agents)} agents, {scenario.calls_per_agent:,} calls each:",
        f"outage {_clock(scenario.outage.from_s)}-{_clock(scenario.outage.to_s)}",
        f"{slow.factor:g} times slower {_clock(slow.from_s)}-{_clock(slow.to_s)}",
        f"{scenario.rogue} runs away at {_clock(scenario.rogue_from_s)}",
        "",
        f"{'':38}{'without':>24}{'with':>24}   to reach",
    ]
    lines += [f"{name:38}{show(before):>24}{show(after):>24}   {goal}" for name, show, goal in ROWS]
    return "\n".join(lines)


def reached(after: Figures) -> list[tuple[str, bool]]:
    """The goals of the published table."""
    return [
        ("cost visibility 100 %", after.visibility > 0.9999),
        ("failover from a provider that is down under 1 s at p99", after.failover_p99_s < 1.0),
        (
            "streams leave a provider that is slow within 1 s of when it was due, at p99",
            after.streamed.overdue_p99_s < 1.0,
        ),
        ("both incidents detected", _is_noticed(after.runaway) and _is_noticed(after.injected)),
        ("runaway agent noticed within a minute", (after.runaway.noticed_s or 1e9) < 60.0),
        ("all its calls beyond its limit blocked", after.runaway.stopped >= after.too_many),
        ("no ordinary call blocked", after.wrongly_blocked == 0),
        ("downtime under 5 minutes a month", after.downtime_min_month < 5.0),
        ("8 USD per million tokens or less", after.usd_per_million <= 8.0),
        ("85 % of the hard tasks on a capable model", after.hard_on_capable >= 0.85),
    ]


BARS: tuple[tuple[str, Callable[[Figures], float], str], ...] = (
    ("cost visibility, %", lambda one: one.visibility * 100, "{:.0f}"),
    ("failover p99, down, s", lambda one: one.failover_p99_s, "{:,.2f}"),
    ("failover p99, slow stream, s", lambda one: one.streamed.p99_s, "{:,.2f}"),
    ("failover p99, slow whole, s", lambda one: one.whole.p99_s, "{:,.2f}"),
    ("runaway calls blocked, %", lambda one: 100 * one.runaway.stopped / max(1, one.runaway.calls), "{:.0f}"),
    ("injections blocked, %", lambda one: 100 * one.injected.stopped / max(1, one.injected.calls), "{:.0f}"),
    ("downtime, min a month", lambda one: one.downtime_min_month, "{:,.1f}"),
    ("USD per million tokens", lambda one: one.usd_per_million, "{:.2f}"),
)


def picture(before: Figures, after: Figures) -> str:
    """Two bars per figure, each figure on its own scale; shares on that of 100 %."""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="760" height="495" font-family="sans-serif" font-size="13">',
        '<rect width="760" height="495" fill="white"/>',
        '<text x="20" y="26" font-size="16">One simulated day without the gateway and with it</text>',
        '<rect x="470" y="14" width="12" height="12" fill="#b4b4b4"/><text x="488" y="25">without</text>',
        '<rect x="560" y="14" width="12" height="12" fill="#1f6f8b"/><text x="578" y="25">with</text>',
    ]
    for number, (name, read, form) in enumerate(BARS):
        top = 50 + number * 55
        most = 100.0 if name.endswith("%") else max(read(before), read(after)) or 1.0
        parts.append(f'<text x="20" y="{top + 24}">{escape(name)}</text>')
        for offset, one, colour in ((0, before, "#b4b4b4"), (20, after, "#1f6f8b")):
            width = 440 * read(one) / most
            parts.append(f'<rect x="200" y="{top + offset}" width="{width:.1f}" height="16" fill="{colour}"/>')
            parts.append(f'<text x="{208 + width:.1f}" y="{top + offset + 13}">{form.format(read(one))}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _moved(seconds: float, calls: int) -> str:
    return f"{_duration(seconds)} ({calls:,})" if calls else "-"


def _overdue(one: Figures, slow: Slow) -> str:
    return _duration(slow.overdue_p99_s) if one.name == "with" and slow.calls else "-"


def _is_noticed(incident: Incident) -> bool:
    return incident.noticed_s is not None


def _noticed(incident: Incident) -> str:
    if incident.noticed_s is None:
        return "never"
    return "its first call" if incident.noticed_s < 0.001 else _duration(incident.noticed_s)


def _duration(seconds: float) -> str:
    if seconds < 0.001:
        return "0"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:,.1f} min"


def _clock(seconds: float) -> str:
    return f"{int(seconds // 3600):02}:{int(seconds % 3600 // 60):02}"
