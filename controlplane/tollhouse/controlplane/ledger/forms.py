"""Tables as files: CSV, JSON (one object a line) and Parquet, made piece by piece."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

Type = Literal["text", "number", "usd", "flag", "moment", "decimal"]
Columns = Mapping[str, Type]
Rows = Sequence[Mapping[str, Any]]

CONTENT_TYPES = {
    "csv": "text/csv",
    "json": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}


class FormUnavailable(ValueError):
    """This form needs a package that is not installed, or does not exist; the text says which and the remedy."""


def check(form: str) -> None:
    """Raises FormUnavailable."""
    if form not in CONTENT_TYPES:
        raise FormUnavailable(f"format: there are {', '.join(CONTENT_TYPES)}, came {form!r}")
    if form == "parquet":
        _arrow()


async def write(form: str, columns: Columns, batches: AsyncIterator[Rows]) -> AsyncIterator[bytes]:
    """The file, in pieces. Money (``usd``, ``decimal``) is exact in each form. Raises FormUnavailable."""
    check(form)
    making = {"csv": _csv, "json": _json, "parquet": _parquet}[form](columns, batches)
    async for piece in making:
        if piece:
            yield piece


async def _csv(columns: Columns, batches: AsyncIterator[Rows]) -> AsyncIterator[bytes]:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    async for batch in batches:
        writer.writerows([[cell(row[name]) for name in columns] for row in batch])
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()


def cell(value: Any) -> str:
    """A cell of CSV. A spreadsheet must not take what a client wrote for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


async def _json(columns: Columns, batches: AsyncIterator[Rows]) -> AsyncIterator[bytes]:
    async for batch in batches:
        lines = [json.dumps({name: _plain(row[name]) for name in columns}, ensure_ascii=False) for row in batch]
        yield "".join(f"{line}\n" for line in lines).encode()


def _plain(value: Any) -> Any:
    return f"{value:f}" if isinstance(value, Decimal) else value


async def _parquet(columns: Columns, batches: AsyncIterator[Rows]) -> AsyncIterator[bytes]:
    arrow, parquet = _arrow()
    types = {
        "text": arrow.string(),
        "number": arrow.int64(),
        "usd": arrow.decimal128(38, 9),
        "decimal": arrow.decimal128(38, 9),
        "flag": arrow.bool_(),
        "moment": arrow.string(),
    }
    schema = arrow.schema([(name, types[kind]) for name, kind in columns.items()])
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        async for batch in batches:
            if batch:
                writer.write_table(arrow.Table.from_pylist([dict(row) for row in batch], schema=schema))
                yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """A file that is handed on while it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._size += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._size

    def take(self) -> bytes:
        """What came since the last time."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise FormUnavailable(
            "parquet needs pyarrow, which is not installed: pip install 'tollhouse[parquet]', or take csv or json"
        ) from None
    return pyarrow, pyarrow.parquet
