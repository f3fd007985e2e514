"""What a drill came to, per phase and altogether."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tollhouse.cli.drill.books import Booked
from tollhouse.cli.drill.faults import Phase
from tollhouse.cli.drill.load import Call
from tollhouse.cli.drill.rig import FIRST_MODEL, SECOND_MODEL
from tollhouse.cli.simulator.log import Entry
from tollhouse.proto.catalog import lookup


@dataclass(frozen=True)
class Outcome:
    """The figures of a phase."""

    phase: str
    what: str
    calls: int
    served: int
    met: int
    """Came to the provider that failed; in a fault that nobody met nothing was tested."""
    cut: int
    """Broke off after part of the answer had been shown; no gateway can take that back."""
    lost: int
    """Failed although nothing had been shown yet."""
    untold: int
    """Broke off without a well-formed error."""
    failed_over: int
    failover_p99_s: float
    duration_p99_s: float
    amplification: float
    """Requests to providers per call."""
    wasted_usd: float
    """What the providers would charge for answers nobody got."""
    billed_usd: float
    """What they would charge for everything."""
    booked_usd: float
    """What the gateway wrote down for it."""
    estimated_usd: float
    """The part of that nobody told it."""

    @property
    def tested(self) -> bool:
        """Whether the fault, if there was one, was met by anybody."""
        return self.met > 0 or not self.what

    @property
    def availability(self) -> float:
        """Of the calls that could still be served, the share that was."""
        could = self.calls - self.cut
        return self.served / could if could else 1.0


def outcomes(
    phases: Sequence[Phase],
    calls: Sequence[Call],
    entries: Iterable[tuple[str, Entry]],
    books: Iterable[Booked],
    began_at: float,
) -> list[Outcome]:
    """One per phase. ``entries``: what the simulators logged, with the vendor; ``books``: what the gateway did."""
    logged, written = list(entries), list(books)
    return [
        _outcome(
            phase.name,
            phase.fault.what if phase.fault is not None else "",
            [call for call in calls if phase.from_s <= call.at_s < phase.to_s],
            [one for one in logged if phase.from_s <= one[1].started - began_at < phase.to_s],
            [one for one in written if phase.from_s <= one.at_s - began_at < phase.to_s],
        )
        for phase in phases
    ]


def total(calls: Sequence[Call], entries: Iterable[tuple[str, Entry]], books: Iterable[Booked]) -> Outcome:
    """All phases together."""
    return _outcome("all", "", calls, list(entries), list(books))


def _outcome(
    name: str, what: str, calls: Sequence[Call], entries: Sequence[tuple[str, Entry]], books: Sequence[Booked]
) -> Outcome:
    broken = [call for call in calls if not call.whole]
    cut = [call for call in broken if call.begun]
    moved = sorted(call.failover_s for call in calls if call.whole and call.failover_s > 0)
    asked = [entry for _, entry in entries if entry.method == "POST"]
    return Outcome(
        phase=name,
        what=what,
        calls=len(calls),
        served=len(calls) - len(broken),
        met=sum(call.met for call in calls),
        cut=len(cut),
        lost=len(broken) - len(cut),
        untold=sum(not call.told for call in broken),
        failed_over=len(moved),
        failover_p99_s=_p99(moved),
        duration_p99_s=_p99(sorted(call.took_s for call in calls)),
        amplification=len(asked) / len(calls) if calls else 0.0,
        wasted_usd=sum(_charge(vendor, entry) for vendor, entry in entries if _wasted(entry)),
        billed_usd=sum(_charge(vendor, entry) for vendor, entry in entries),
        booked_usd=sum(one.usd for one in books),
        estimated_usd=sum(one.estimated_usd for one in books),
    )


def _wasted(entry: Entry) -> bool:
    return entry.ended in ("cut", "error", "client left")


def _charge(vendor: str, entry: Entry) -> float:
    """What a provider takes for an answer, be it whole or not."""
    price = lookup(vendor, FIRST_MODEL if vendor == "anthropic" else SECOND_MODEL).price
    if price is None:
        return 0.0
    rates = price.base
    each = {"input": rates.input, "cached_input": rates.cached, "cache_write": rates.cache_write}
    return sum(tokens * each.get(name, rates.output) for name, tokens in entry.billed.items()) / 1e15


def _p99(ordered: list[float]) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] if ordered else 0.0


def as_data(outcome: Outcome) -> dict[str, Any]:
    """For scripts."""
    return {**asdict(outcome), "availability": outcome.availability}


HEADINGS = (
    "PHASE",
    "CALLS",
    "MET",
    "SERVED",
    "AVAILABLE",
    "CUT",
    "LOST",
    "FAILED OVER",
    "FAILOVER P99",
    "P99",
    "X",
    "WASTED",
    "BILLED",
    "BOOKED",
    "ESTIMATED",
    "",
)


def row(one: Outcome) -> tuple[str, ...]:
    """For people."""
    colour = "green" if not one.lost and not one.untold else "red"
    return (
        one.phase,
        f"{one.calls:,}",
        f"{one.met:,}" if one.tested else "[red]0: not tested[/]",
        f"{one.served:,}",
        f"[{colour}]{one.availability:.2%}[/]",
        str(one.cut),
        f"{one.lost}" + (f" ({one.untold} untold)" if one.untold else ""),
        str(one.failed_over),
        f"{one.failover_p99_s * 1000:.0f} ms" if one.failed_over else "-",
        f"{one.duration_p99_s:.2f} s",
        f"{one.amplification:.2f}",
        f"${one.wasted_usd:.5f}",
        f"${one.billed_usd:.5f}",
        f"${one.booked_usd:.5f}",
        f"${one.estimated_usd:.5f}",
        one.what,
    )
