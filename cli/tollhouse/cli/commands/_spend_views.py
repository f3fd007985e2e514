"""The ledger's answers as tables, JSON and files."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tollhouse.cli import render
from tollhouse.cli.commands._times import shown
from tollhouse.cli.failure import USAGE, Failure
from tollhouse.proto.units import format_usd

COUNTS = ("requests", "attempts", "failed", "unpriced")
TOKENS = ("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
MONEY = {
    f"{name}_nano_usd": f"{name}_usd"
    for name in ("cost", "estimated", "failed", "retried", "corrected", "cache_saved", "routing_saved")
}


def sums(answer: Any, keys: Sequence[str], form: str) -> None:
    """Rows of spend with their total."""
    if form == "csv":
        writer = csv.DictWriter(sys.stdout, [*keys, *MONEY.values(), *COUNTS, *TOKENS], lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {**plain(row), **{name: _cell(text) for name, text in row.keys.items()}} for row in answer.rows
        )
    elif form == "json":
        _json({"list": [plain(row) for row in answer.rows], "total": plain(answer.total)})
    else:
        columns = ("USD", "ESTIMATED", "FAILED", "REQUESTS", "ATTEMPTS", "READ", "WRITTEN")
        shown_money = ("cost_nano_usd", "estimated_nano_usd", "failed_nano_usd")
        counts = ("requests", "attempts", "input_tokens", "output_tokens")
        _rows(answer, keys, columns, shown_money, counts)
        if answer.total.unpriced:
            words = f"{answer.total.unpriced} attempts have a price nobody knows: see unknown_price"
            render.err().print(f"[yellow]{words}[/]")


def _cell(text: str) -> str:
    """A spreadsheet must not take what a client wrote for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def savings(answer: Any, keys: Sequence[str], form: str) -> None:
    """What caches and routing saved, what failures and retries cost."""
    if form != "table":
        sums(answer, keys, form)
        return
    columns = ("USD", "SAVED BY CACHE", "SAVED BY ROUTING", "LOST ON FAILURES", "SPENT ON RETRIES", "FAILED")
    money = ("cost_nano_usd", "cache_saved_nano_usd", "routing_saved_nano_usd", "failed_nano_usd", "retried_nano_usd")
    _rows(answer, keys, columns, money, ("failed",))


def plain(row: Any) -> dict[str, Any]:
    """A row with money as decimal text, so that no float rounds it."""
    money = {shown_as: format_usd(getattr(row, name)) for name, shown_as in MONEY.items()}
    return {**dict(row.keys), **money, **{name: getattr(row, name) for name in (*COUNTS, *TOKENS)}}


def _rows(
    answer: Any, keys: Sequence[str], columns: Sequence[str], money: Sequence[str], counts: Sequence[str]
) -> None:
    def line(first: list[str], row: Any) -> tuple[str, ...]:
        amounts = [format_usd(getattr(row, name)) for name in money]
        return (*first, *amounts, *(str(getattr(row, name)) for name in counts))

    rows = [line([render.plain(row.keys[key] or "-") for key in keys], row) for row in answer.rows]
    if keys and len(rows) > 1:
        rows.append(line(["[bold]total[/]", *[""] * (len(keys) - 1)], answer.total))
    render.table((*(key.upper() for key in keys), *columns), rows, "nothing was spent")


def top(answer: Any, key: str, form: str) -> None:
    """Who spends most."""
    if form == "json":
        lines = [
            {
                "key": line.key,
                "cost_usd": format_usd(line.cost_nano_usd),
                "share": round(line.share, 6),
                "before_usd": format_usd(line.before_nano_usd),
                "requests": line.requests,
            }
            for line in answer.lines
        ]
        total = {"cost_usd": format_usd(answer.total_nano_usd), "before_usd": format_usd(answer.before_nano_usd)}
        _json({"list": lines, "total": total})
        return
    rows = [
        (
            render.plain(line.key or "-"),
            format_usd(line.cost_nano_usd),
            f"{line.share:.1%}",
            format_usd(line.before_nano_usd),
            change(line.cost_nano_usd, line.before_nano_usd),
            str(line.requests),
        )
        for line in answer.lines
    ]
    whole = change(answer.total_nano_usd, answer.before_nano_usd)
    if rows:
        amounts = (format_usd(answer.total_nano_usd), "", format_usd(answer.before_nano_usd))
        rows.append(("[bold]total[/]", *amounts, whole, ""))
    render.table((key.upper(), "USD", "SHARE", "BEFORE", "CHANGE", "REQUESTS"), rows, "nothing was spent")


def change(now: int, before: int) -> str:
    """In per cent; ``new`` where there was nothing before."""
    if not before:
        return "new" if now else ""
    return f"{(now - before) / before:+.0%}"


def forecast(answer: Any, keys: Sequence[str], form: str) -> None:
    """Where the period will end."""
    names = ("spent", "expected", "low", "high", "rate", "before")
    lines = [*answer.lines, answer.total]
    if form == "json":
        shown_lines = [
            {**dict(line.keys), **{f"{name}_usd": format_usd(getattr(line, f"{name}_nano_usd")) for name in names}}
            for line in lines
        ]
        period = {"from": shown(answer.from_ms), "to": shown(answer.to_ms), "now": shown(answer.now_ms)}
        _json({**period, "list": shown_lines[:-1], "total": shown_lines[-1]})
        return
    rows = []
    for line in lines:
        first = [render.plain(line.keys[key] or "-") for key in keys]
        if line is answer.total:
            first = ["[bold]total[/]", *[""] * (len(keys) - 1)][: max(1, len(keys))]
        rows.append((*first, *(round_usd(getattr(line, f"{name}_nano_usd")) for name in names)))
    heads = [key.upper() for key in keys] or [""]
    render.table((*heads, "SPENT", "EXPECTED", "AT LEAST", "AT MOST", "A DAY", "PERIOD BEFORE"), rows)
    render.err().print(f"[dim]{shown(answer.from_ms)} to {shown(answer.to_ms)}; four in five end within the bounds[/]")


def round_usd(nano: int) -> str:
    """To the hundredth of a cent: a forecast knows no more."""
    return format_usd(round(nano, -5))


def corrections(answer: Any, form: str) -> None:
    """Entries that correct something."""
    if form == "json":
        names = ("id", "corrects", "author", "cause", "reason", "consumer", "model", "provider")
        lines = [
            {
                **{name: getattr(one, name) for name in names},
                "made": shown(one.made_ms),
                "booked": shown(one.booked_ms),
                "cost_usd": format_usd(one.cost_nano_usd),
            }
            for one in answer.corrections
        ]
        _json({"list": lines})
        return
    rows = [
        (
            shown(one.made_ms),
            one.cause,
            format_usd(one.cost_nano_usd),
            render.plain(one.consumer or "-"),
            render.plain(one.model),
            shown(one.booked_ms),
            render.plain(one.corrects or "-"),
            render.plain(f"{one.author}: {one.reason}"),
        )
        for one in answer.corrections
    ]
    render.table(("MADE", "CAUSE", "USD", "CONSUMER", "MODEL", "BOOKED", "RECORD", "BY"), rows, "nothing was corrected")


def export(pieces: Iterable[Any], file: Path | None, *, binary: bool) -> None:
    """A file, or standard output."""
    if file is None:
        if binary and sys.stdout.isatty():
            raise Failure("-o parquet: that is no text; name a file with --file", code=USAGE)
        for piece in pieces:
            sys.stdout.buffer.write(piece.data)
        sys.stdout.flush()
        return
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as out:
            for piece in pieces:
                out.write(piece.data)
        part.replace(file)
    except OSError as error:
        raise Failure(f"--file: {file} cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


def _json(value: Any) -> None:
    render.data(value, render.Output.JSON)
