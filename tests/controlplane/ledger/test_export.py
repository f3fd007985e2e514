"""Exports: every entry, exact money, in CSV, JSON, Parquet and as FOCUS charges."""

import csv
import io
import json
import sys
from decimal import Decimal

import pytest
from tollhouse.controlplane.ledger import export as exporting
from tollhouse.controlplane.ledger.answers import BadQuestion, Question
from tollhouse.controlplane.ledger.focus import COLUMNS
from tollhouse.controlplane.ledger.forms import FormUnavailable
from tollhouse.controlplane.ledger.ledger import Ledger

from tests.support.ledgers import HOUR, NOW, record


async def file(ledger: Ledger, what: str, form: str, question: Question | None = None) -> bytes:
    return b"".join([piece async for piece in ledger.export(what, form, question or Question())])


async def test_every_record_once_over_many_pages(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order of time; what is money is exact decimal text."""
    monkeypatch.setattr(exporting, "AT_A_TIME", 7)
    await ledger.store([record(f"{n:03}", started_ms=NOW + n % 5, cost_nano_usd=1) for n in range(30)])
    rows = list(csv.DictReader(io.StringIO((await file(ledger, "records", "csv")).decode())))
    assert len({row["id"] for row in rows}) == 30
    assert [row["started"] for row in rows] == sorted(row["started"] for row in rows)
    assert rows[0]["cost_usd"] == "0.000000001"
    lines = (await file(ledger, "hours", "json")).decode().splitlines()
    assert json.loads(lines[0])["cost_usd"] == "0.000000030"
    some = await file(ledger, "records", "csv", Question(filter={"consumer": "nobody"}))
    assert some.count(b"\n") == 1


async def test_parquet_keeps_types_and_cents(ledger: Ledger) -> None:
    """Money is a decimal there, never a float."""
    parquet = pytest.importorskip("pyarrow.parquet")
    await ledger.store([record("1"), record("2", estimated=True, cost_nano_usd=2**53 + 1)])
    table = parquet.read_table(io.BytesIO(await file(ledger, "records", "parquet")))
    rows = {row["id"]: row for row in table.to_pylist()}
    assert rows["2"]["cost_usd"] == Decimal(2**53 + 1) / 10**9
    assert rows["2"]["estimated"] is True
    assert parquet.read_table(io.BytesIO(await file(ledger, "focus", "parquet"))).num_rows == 1


async def test_parquet_without_its_package_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is written."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(FormUnavailable, match=r"pip install 'tollhouse\[parquet\]'"):
        exporting.check("records", "parquet", Question())


async def test_focus_charges_have_the_columns_and_add_up(ledger: Ledger) -> None:
    """One per hour and spender; all four costs are the ledger's."""
    await ledger.store([record("1"), record("2", started_ms=NOW + HOUR, groups=["search", "company"], outcome="cut")])
    rows = list(csv.DictReader(io.StringIO((await file(ledger, "focus", "csv")).decode())))
    assert list(rows[0]) == list(COLUMNS)
    for cost in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"):
        assert sum(Decimal(row[cost]) for row in rows) == Decimal("0.000002")
    first = rows[0]
    assert (first["ChargePeriodStart"], first["ChargePeriodEnd"]) == ("2026-11-18T11:00:00Z", "2026-11-18T12:00:00Z")
    assert (first["BillingPeriodStart"], first["BillingPeriodEnd"]) == ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
    assert (first["ChargeCategory"], first["ServiceCategory"]) == ("Usage", "AI and Machine Learning")
    assert (first["ConsumedQuantity"], first["ConsumedUnit"], first["SubAccountId"]) == ("15", "Tokens", "company")
    assert json.loads(first["Tags"])["consumer"] == "coder"


async def test_a_cell_is_no_formula(ledger: Ledger) -> None:
    """Names come from clients, and spreadsheets run what begins like this."""
    await ledger.store([record("1", session="=cmd()")])
    assert b"'=cmd()" in await file(ledger, "records", "csv")


def test_what_cannot_be_exported_is_said() -> None:
    """Contents, forms and times by name."""
    with pytest.raises(BadQuestion, match="there are records, hours, focus"):
        exporting.check("all", "csv", Question())
    with pytest.raises(FormUnavailable, match="there are csv, json, parquet"):
        exporting.check("hours", "xml", Question())
    with pytest.raises(BadQuestion, match="whole one"):
        exporting.check("hours", "csv", Question(from_ms=5))
    with pytest.raises(BadQuestion, match="export records"):
        exporting.check("focus", "csv", Question(filter={"session": "s"}))
