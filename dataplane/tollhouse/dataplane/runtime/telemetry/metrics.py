"""Plain numbers: what one process counts. A cell is an object with one float; adding to it is all that happens."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable
from typing import Generic, Literal, TypeVar

from tollhouse.dataplane.runtime.link.messages import Example, Family, Series
from tollhouse.dataplane.runtime.telemetry.exposition import render
from tollhouse.dataplane.services import Cell, Distribution, Metrics

OTHER = "other"
LONGEST_LABEL = 128
FOLD_S = 1.0
"""How long values of histograms wait, unless somebody reads them."""


class PlainCell(Cell):
    """One series of a counter or gauge."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, amount: float = 1) -> None:
        """Count."""
        self.value += amount

    def set(self, value: float) -> None:
        """Overwrite (gauges)."""
        self.value = value


class PlainDistribution(Distribution):
    """One series of a histogram; ``counts`` are per bucket, the last one beyond all bounds. Values are sorted into
    buckets many at a time: when they are read, and once a second."""

    __slots__ = ("_fresh", "bounds", "counts", "examples", "observe", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        self.examples: dict[int, Example] = {}
        self._fresh: list[float] = []
        self.observe = self._fresh.append

    def exemplify(self, value: float, trace_id: str) -> None:
        """See the port."""
        bucket = bisect_left(self.bounds, value)
        self.examples[bucket] = Example(bucket, value, trace_id, time.time())

    def fold(self) -> None:
        """Sort what came since the last time into the buckets."""
        fresh, bounds, counts = self._fresh, self.bounds, self.counts
        self.total += sum(fresh)
        if len(fresh) < len(bounds):
            for value in fresh:
                counts[bisect_left(bounds, value)] += 1
        else:
            fresh.sort()
            before = 0
            for bucket, bound in enumerate(bounds):
                upto = bisect_right(fresh, bound, before)
                counts[bucket] += upto - before
                before = upto
            counts[-1] += len(fresh) - before
        fresh.clear()


SeriesT = TypeVar("SeriesT", PlainCell, PlainDistribution)


class SeriesOf(Generic[SeriesT]):
    """All series of one metric, by their label values. Bounded: later values become ``other``."""

    def __init__(
        self,
        name: str,
        text: str,
        kind: Literal["counter", "gauge", "histogram"],
        labels: tuple[str, ...],
        bounds: tuple[float, ...],
        make: Callable[[], SeriesT],
        most: int,
    ) -> None:
        self.name, self.text, self.kind, self.labels, self.bounds = name, text, kind, labels, bounds
        self._make: Callable[[], SeriesT] = make
        self._most = most
        self._cells: dict[tuple[str, ...], SeriesT] = {}

    def __call__(self, *values: str) -> SeriesT:
        """The series with these label values. Raises ValueError when their number is wrong."""
        cell = self._cells.get(values)
        return cell if cell is not None else self._create(values)

    def _create(self, values: tuple[str, ...]) -> SeriesT:
        if len(values) != len(self.labels):
            raise ValueError(f"{self.name}: expected values for {self.labels}, came {len(values)}")
        clean = tuple(str(value)[:LONGEST_LABEL] for value in values)
        if clean not in self._cells and len(self._cells) >= self._most:
            clean = (OTHER,) * len(values)
        cell = self._cells.get(clean)
        if cell is None:
            cell = self._cells[clean] = self._make()
        return cell

    def family(self) -> Family:
        """The numbers now."""
        series = []
        for labels, cell in list(self._cells.items()):
            if isinstance(cell, PlainCell):
                series.append(Series(labels, cell.value))
            else:
                cell.fold()
                series.append(Series(labels, cell.total, tuple(cell.counts), tuple(cell.examples.values())))
        return Family(self.name, self.text, self.kind, self.labels, self.bounds, series)

    def cells(self) -> list[SeriesT]:
        """All series."""
        return list(self._cells.values())


class PlainMetrics(Metrics):
    """The metrics of one process. Families are declared by name; declaring one again gives the same."""

    def __init__(self, most_series: int = 2000, expose: Callable[[], Awaitable[bytes]] | None = None) -> None:
        self._most = most_series
        self._expose = expose
        self._cells: dict[str, SeriesOf[PlainCell]] = {}
        self._distributions: dict[str, SeriesOf[PlainDistribution]] = {}

    def counter(self, name: str, help: str, labels: tuple[str, ...]) -> SeriesOf[PlainCell]:
        """See the port."""
        return self._declare_cells(name, help, "counter", labels)

    def gauge(self, name: str, help: str, labels: tuple[str, ...]) -> SeriesOf[PlainCell]:
        """See the port."""
        return self._declare_cells(name, help, "gauge", labels)

    def histogram(
        self, name: str, help: str, labels: tuple[str, ...], buckets: tuple[float, ...]
    ) -> SeriesOf[PlainDistribution]:
        """See the port."""
        found = self._distributions.get(name)
        if found is None:
            bounds = tuple(sorted(float(bound) for bound in buckets))
            found = SeriesOf(name, help, "histogram", labels, bounds, lambda: PlainDistribution(bounds), self._most)
            self._distributions[name] = found
        _same(found.labels, labels, name)
        return found

    def _declare_cells(
        self, name: str, text: str, kind: Literal["counter", "gauge"], labels: tuple[str, ...]
    ) -> SeriesOf[PlainCell]:
        found = self._cells.get(name)
        if found is None:
            found = self._cells[name] = SeriesOf(name, text, kind, labels, (), PlainCell, self._most)
        _same(found.labels, labels, name)
        return found

    def families(self) -> list[Family]:
        """All numbers now."""
        told = [cells.family() for cells in self._cells.values()]
        return told + [distributions.family() for distributions in self._distributions.values()]

    async def keep(self) -> None:
        """Fold what histograms hold, for ever; run it as a task where requests are counted."""
        while True:
            await asyncio.sleep(FOLD_S)
            for family in self._distributions.values():
                for cell in family.cells():
                    cell.fold()

    async def exposition(self) -> bytes:
        """The whole node's numbers; of this process alone where it has no node."""
        if self._expose is not None:
            return await self._expose()
        return render(self.families())


def _same(before: tuple[str, ...], now: tuple[str, ...], name: str) -> None:
    if before != now:
        raise ValueError(f"metric {name} was declared with labels {before}, now with {now}")
