"""Reads providers' own reports of usage and cost, in the forms their APIs and consoles give them.

| form | from |
|---|---|
| ``openai usage`` | ``GET /v1/organization/usage/completions`` (JSON) or the console's export of it (CSV) |
| ``openai costs`` | ``GET /v1/organization/costs`` (JSON) or the console's export of it (CSV) |
| ``anthropic usage`` | ``GET /v1/organizations/usage_report/messages`` (JSON) or the console's export (CSV) |
| ``anthropic cost`` | ``GET /v1/organizations/cost_report`` (JSON) or the console's export (CSV) |
| ``records`` | single attempts by our record ids: ``id``, tokens, ``cost_usd`` (CSV), of whoever knows them |
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from tollhouse.proto.units import usd_to_nano

DAY_MS = 86_400_000
KINDS = ("input_tokens", "cached_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens")
"""As the ledger has them: ``input_tokens`` is everything read."""
LARGEST = 64 << 20


class BadReport(ValueError):
    """It is no report we know, or it cannot be compared; the text says what to do."""


@dataclass
class Line:
    """What a provider says of one day and one model, or of one record."""

    day_ms: int = 0
    model: str = ""
    record: str = ""
    tier: str = ""
    tokens: dict[str, int] | None = None
    requests: int | None = None
    cost_nano: int | None = None


@dataclass
class Report:
    """A whole one."""

    form: str
    provider: str
    lines: list[Line] = field(default_factory=list)
    from_ms: int = 0
    to_ms: int = 0
    notes: list[str] = field(default_factory=list)

    def covers(self, start_ms: int, end_ms: int) -> None:
        """A time the report speaks of, whether anything was used in it or not."""
        self.from_ms = min(self.from_ms or start_ms, start_ms)
        self.to_ms = max(self.to_ms, end_ms)


def read(data: bytes) -> Report:
    """Find out what it is, and read it. Raises BadReport."""
    if len(data) > LARGEST:
        raise BadReport("the report is larger than 64 MiB; ask the provider for fewer days")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadReport("the report is neither JSON nor CSV") from None
    try:
        return _json(text) if text.lstrip()[:1] in ("{", "[") else _csv(text)
    except (KeyError, TypeError, AttributeError, InvalidOperation, OverflowError) as error:
        raise BadReport(f"the report has an entry that is not as documented ({error})") from None


_UNKNOWN = (
    "this is no report we know: there are OpenAI's usage and costs and Anthropic's usage_report and cost_report, as "
    "JSON pages of the API or as CSV of the console, and CSV of single records (id, tokens, cost_usd)"
)


def _json(text: str) -> Report:
    try:
        document = json.loads(text)
    except ValueError:
        raise BadReport("the report is broken JSON") from None
    pages = document if isinstance(document, list) else [document]
    buckets = [bucket for page in pages for bucket in page.get("data", ())]
    if pages and pages[-1].get("has_more"):
        raise BadReport("the report says that there is more: fetch all pages and give them as a JSON list")
    results = [(bucket, one) for bucket in buckets for one in bucket.get("results", ())]
    if not buckets:
        raise BadReport(_UNKNOWN)
    sample = results[0][1] if results else {}
    if "start_time" in buckets[0]:
        costs = isinstance(sample.get("amount"), Mapping)
        report = Report("openai costs" if costs else "openai usage", "openai")
        reader = _openai_cost if costs else _openai_usage
        span = _epoch_span
    elif "starting_at" in buckets[0]:
        costs = "amount" in sample
        report = Report("anthropic cost" if costs else "anthropic usage", "anthropic")
        reader = _anthropic_cost if costs else _anthropic_usage
        span = _iso_span
    else:
        raise BadReport(_UNKNOWN)
    for bucket in buckets:
        report.covers(*span(bucket))
    for bucket, one in results:
        start, end = span(bucket)
        _take(report, reader(one, report), start, end)
    return report


def _csv(text: str) -> Report:
    first = text.split("\n", 1)[0]
    rows = csv.DictReader(io.StringIO(text), delimiter="\t" if "\t" in first else ",")
    names = set(rows.fieldnames or ())
    if {"start_time", "amount_value"} <= names:
        return _rows(Report("openai costs", "openai"), rows, _openai_cost_row, _epoch_span)
    if {"start_time", "input_tokens", "output_tokens"} <= names:
        return _rows(Report("openai usage", "openai"), rows, _openai_usage, _epoch_span)
    if {"usage_date_utc", "usage_output_tokens"} <= names:
        return _rows(Report("anthropic usage", "anthropic"), rows, _anthropic_usage_row, _day_span)
    if {"usage_date_utc", "cost_usd"} <= names:
        return _rows(Report("anthropic cost", "anthropic"), rows, _anthropic_cost_row, _day_span)
    if "id" in names and names & {"cost_usd", "output_tokens"}:
        return _records(rows)
    raise BadReport(_UNKNOWN)


def _rows(report: Report, rows: Iterable[Mapping[str, Any]], reader: Any, span: Any) -> Report:
    for row in rows:
        start, end = span(row)
        report.covers(start, end)
        _take(report, reader(row, report), start, end)
    return report


def _records(rows: Iterable[Mapping[str, Any]]) -> Report:
    report = Report("records", "")
    for row in rows:
        told = {kind: _count(row[kind]) for kind in KINDS if row.get(kind) not in (None, "")}
        cost = row.get("cost_usd")
        line = Line(record=row["id"], tokens=told or None, cost_nano=_usd(cost) if cost not in (None, "") else None)
        report.lines.append(line)
    return report


def _take(report: Report, line: Line | None, start_ms: int, end_ms: int) -> None:
    if line is None:
        return
    if end_ms - start_ms > DAY_MS or start_ms // DAY_MS != (end_ms - 1) // DAY_MS:
        raise BadReport("the report sums up more than a day (of UTC) at once; ask for buckets of a day or less")
    line.day_ms = start_ms // DAY_MS * DAY_MS
    report.lines.append(line)


# -- spans


def _epoch_span(bucket: Mapping[str, Any]) -> tuple[int, int]:
    return int(bucket["start_time"]) * 1000, int(bucket["end_time"]) * 1000


def _iso_span(bucket: Mapping[str, Any]) -> tuple[int, int]:
    return _iso(bucket["starting_at"]), _iso(bucket["ending_at"])


def _day_span(row: Mapping[str, Any]) -> tuple[int, int]:
    start = _iso(row["usage_date_utc"])
    return start, start + DAY_MS


def _iso(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadReport(f"the report has a time that is none: {text[:40]!r}") from None
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)


# -- OpenAI


def _openai_usage(one: Mapping[str, Any], report: Report) -> Line | None:
    if not one.get("model"):
        if not _count(one.get("input_tokens")) and not _count(one.get("output_tokens")):
            return None
        raise BadReport("the usage is not by model; ask for group_by=model")
    written = _count(one.get("input_cache_write_tokens"))
    tokens = {
        "input_tokens": _count(one.get("input_tokens")),
        "cached_tokens": _count(one.get("input_cached_tokens")),
        "cache_write_tokens": written,
        "cache_write_1h_tokens": 0,
        "output_tokens": _count(one.get("output_tokens")),
    }
    tier = "batch" if str(one.get("batch")).lower() == "true" else tier_name(one.get("service_tier"))
    return Line(model=str(one["model"]), tier=tier, tokens=tokens, requests=_count(one.get("num_model_requests")))


def _openai_cost(one: Mapping[str, Any], report: Report) -> Line | None:
    amount = one["amount"]
    return _openai_item(amount["value"], str(amount["currency"]), one.get("line_item"), report)


def _openai_cost_row(row: Mapping[str, Any], report: Report) -> Line | None:
    if not row["amount_value"]:
        return None
    return _openai_item(row["amount_value"], row["amount_currency"], row.get("line_item"), report)


def _openai_item(value: Any, currency: str, item: str | None, report: Report) -> Line | None:
    if currency.lower() != "usd":
        raise BadReport(f"the report is in {currency}; only USD can be compared")
    if not item:
        raise BadReport("the costs are not by line item; ask for group_by=line_item")
    model, comma, _ = item.rpartition(", ")
    if not comma:
        _left_out(report, f"line item {item!r} ({value} USD) is of no model")
        return None
    return Line(model=model, cost_nano=_usd(value))


# -- Anthropic


def _anthropic_usage(one: Mapping[str, Any], report: Report) -> Line | None:
    creation = one.get("cache_creation") or {}
    short = _count(creation.get("ephemeral_5m_input_tokens"))
    long = _count(creation.get("ephemeral_1h_input_tokens"))
    fresh, read = _count(one.get("uncached_input_tokens")), _count(one.get("cache_read_input_tokens"))
    written = _count(one.get("output_tokens"))
    return _anthropic_line(one.get("model"), one.get("service_tier"), fresh, read, written, short, long)


def _anthropic_usage_row(row: Mapping[str, Any], report: Report) -> Line | None:
    fresh, read = _count(row["usage_input_tokens_no_cache"]), _count(row["usage_input_tokens_cache_read"])
    short = _count(row.get("usage_input_tokens_cache_write_5m"))
    long = _count(row.get("usage_input_tokens_cache_write_1h"))
    written = _count(row["usage_output_tokens"])
    return _anthropic_line(row["model_version"], row.get("usage_type"), fresh, read, written, short, long)


def _anthropic_line(model: Any, tier: Any, fresh: int, read: int, written: int, short: int, long: int) -> Line | None:
    tokens = {
        "input_tokens": fresh + read + short + long,
        "cached_tokens": read,
        "cache_write_tokens": short,
        "cache_write_1h_tokens": long,
        "output_tokens": written,
    }
    if not model:
        if not any(tokens.values()):
            return None
        raise BadReport("the usage is not by model; ask for group_by[]=model")
    return Line(model=str(model), tier=tier_name(tier), tokens=tokens)


def _anthropic_cost(one: Mapping[str, Any], report: Report) -> Line | None:
    """Amounts of the API are in cents."""
    nano = _usd(Decimal(str(one["amount"])) / 100)
    if str(one.get("currency", "USD")).upper() != "USD":
        raise BadReport(f"the report is in {one['currency']}; only USD can be compared")
    if one.get("cost_type") not in (None, "tokens"):
        _left_out(report, f"{one['cost_type']}: {Decimal(nano) / 10**9} USD")
        return None
    if not one.get("model"):
        raise BadReport("the costs are not by model; ask for group_by[]=description")
    return Line(model=str(one["model"]), tier=tier_name(one.get("service_tier")), cost_nano=nano)


def _anthropic_cost_row(row: Mapping[str, Any], report: Report) -> Line | None:
    if row.get("cost_type") not in (None, "", "token", "tokens"):
        _left_out(report, f"{row['cost_type']}: {row['cost_usd']} USD")
        return None
    return Line(model=row["model"], tier=tier_name(row.get("usage_type")), cost_nano=_usd(row["cost_usd"]))


# -- values


def tier_name(value: Any) -> str:
    """A service tier as the ledger names it; empty for a provider's usual one."""
    name = str(value or "").lower()
    return "" if name in ("", "default", "standard", "message", "auto", "none", "null") else name


_DATED = re.compile(r"[-@](\d{8}|\d{4}-\d{2}-\d{2}|latest)$")


def canonical(model: str) -> str:
    """One name for a model however it is written: dated or not, as the console shows it (``Claude Haiku 4.5``)."""
    name = _DATED.sub("", model.strip().lower().rsplit("/", 1)[-1])
    if not name.startswith("claude"):
        return name
    parts = re.split(r"[ .\-]", name)
    words = sorted(part for part in parts if not part.isdigit())
    return "-".join([*words, *(part for part in parts if part.isdigit())])


def _count(value: Any) -> int:
    if value in (None, ""):
        return 0
    number = int(Decimal(str(value)))
    if number < 0:
        raise BadReport("the report has a negative count")
    return number


def _usd(value: Any) -> int:
    return int(usd_to_nano(Decimal(str(value))))


def _left_out(report: Report, what: str) -> None:
    if len(report.notes) < 20:
        report.notes.append(f"not compared: {what}")
