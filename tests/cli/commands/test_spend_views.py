"""The ledger's answers as files."""

from __future__ import annotations

import pytest
from tollhouse.cli.commands import _spend_views
from tollhouse.proto.admin.v1 import spend_pb2


def test_a_name_in_csv_is_no_formula(capsys: pytest.CaptureFixture[str]) -> None:
    """Sessions are called as clients like, and spreadsheets run what begins like this; sums stay numbers."""
    row = spend_pb2.SpendRow(keys={"session": "=cmd()"}, cost_nano_usd=5_000_000)
    _spend_views.sums(spend_pb2.SpendResponse(rows=[row]), ["session"], "csv")
    heading, line = capsys.readouterr().out.splitlines()
    assert (heading.split(",")[:2], line.split(",")[:2]) == (["session", "cost_usd"], ["'=cmd()", "0.005"])
