"""Adds up the numbers of a node's processes and writes them in Prometheus' text format (version 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tollhouse.dataplane.runtime.link.messages import Example, Family, Series

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text"
OPENMETRICS_TYPE = f"{OPENMETRICS}; version=1.0.0; charset=utf-8"


class NodeTotals:
    """What all workers counted, dead ones included: totals of counters and histograms never go backward."""

    def __init__(self) -> None:
        self._living: dict[int, list[Family]] = {}
        self._retired: list[Family] = []

    def report(self, worker: int, families: list[Family]) -> None:
        """The latest numbers of a worker, by a number that no other worker ever has."""
        self._living[worker] = families

    def retire(self, worker: int) -> None:
        """The worker is gone: keep what it counted, forget its gauges."""
        families = [one for one in self._living.pop(worker, []) if one.kind != "gauge"]
        self._retired = add_up([self._retired, families])

    def families(self, *more: list[Family]) -> list[Family]:
        """The sums, with those of further processes added."""
        return add_up([self._retired, *self._living.values(), *more])


def add_up(reports: Iterable[list[Family]]) -> list[Family]:
    """Sum series of the same name and labels. A family whose buckets changed keeps the newer shape."""
    families: dict[str, Family] = {}
    sums: dict[str, dict[tuple[str, ...], Series]] = {}
    for report in reports:
        for family in report:
            known = families.get(family.name)
            if known is None or (known.bounds, known.label_names) != (family.bounds, family.label_names):
                sums[family.name] = {}
            families[family.name] = family
            into = sums[family.name]
            for series in family.series:
                before = into.get(series.labels)
                join = _higher if family.kind == "gauge" and family.name.endswith("_state") else _sum
                into[series.labels] = series if before is None else join(before, series)
    return [
        Family(one.name, one.help, one.kind, one.label_names, one.bounds, list(sums[one.name].values()))
        for one in families.values()
    ]


def _higher(one: Series, other: Series) -> Series:
    """States are no amounts: the node's is that of the worker that is worst off."""
    return one if one.value >= other.value else other


def _sum(one: Series, other: Series) -> Series:
    counts = tuple(a + b for a, b in zip(one.counts, other.counts, strict=True)) if one.counts else ()
    examples = one.examples
    if other.examples:
        newest = {example.bucket: example for example in (*one.examples, *other.examples)}
        examples = tuple(newest.values())
    return Series(one.labels, one.value + other.value, counts, examples)


def render(families: Iterable[Family]) -> bytes:
    """The text; families in order of name."""
    return "\n".join([*_lines(families, openmetrics=False), ""]).encode()


def render_openmetrics(families: Iterable[Family]) -> bytes:
    """The same in the OpenMetrics format, with the examples of histograms. Its counters must end in ``_total``; those
    of APISIX do not, and keep their names as metrics of unknown type."""
    return "\n".join([*_lines(families, openmetrics=True), "# EOF", ""]).encode()


def _lines(families: Iterable[Family], *, openmetrics: bool) -> Iterator[str]:
    for family in sorted(families, key=lambda one: one.name):
        name, kind = family.name, family.kind
        if openmetrics and kind == "counter":
            name, kind = (name[:-6], kind) if name.endswith("_total") else (name, "unknown")
        help_text = family.help.replace("\\", "\\\\").replace("\n", "\\n")
        if openmetrics:
            help_text = help_text.replace('"', '\\"')
        yield f"# HELP {name} {help_text}"
        yield f"# TYPE {name} {kind}"
        for series in family.series:
            named = zip(family.label_names, series.labels, strict=True)
            pairs = [f'{label}="{_escape(value)}"' for label, value in named]
            if family.kind == "histogram":
                yield from _histogram(family, series, pairs, examples=openmetrics)
            else:
                yield from _plain(family, series, pairs)


def _plain(family: Family, series: Series, pairs: list[str]) -> Iterator[str]:
    labels = "{" + ",".join(pairs) + "}" if pairs else ""
    yield f"{family.name}{labels} {_number(series.value)}"


def _histogram(family: Family, series: Series, pairs: list[str], *, examples: bool) -> Iterator[str]:
    head = f"{family.name}_bucket{{{''.join(pair + ',' for pair in pairs)}"
    shown = {one.bucket: _example(one) for one in series.examples} if examples else {}
    running = 0
    for bucket, (bound, count) in enumerate(zip(family.bounds, series.counts, strict=False)):
        running += count
        yield f'{head}le="{_number(bound)}"}} {running}{shown.get(bucket, "")}'
    running += series.counts[-1]
    yield f'{head}le="+Inf"}} {running}{shown.get(len(family.bounds), "")}'
    labels = "{" + ",".join(pairs) + "}" if pairs else ""
    yield f"{family.name}_sum{labels} {_number(series.value)}"
    yield f"{family.name}_count{labels} {running}"


def _example(one: Example) -> str:
    return f' # {{trace_id="{one.trace_id}"}} {_number(one.value)} {one.at:.3f}'


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    value = float(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
