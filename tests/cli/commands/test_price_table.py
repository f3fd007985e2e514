"""Looking prices up as nodes do."""

from __future__ import annotations

from typing import Any, cast

import pytest
from tollhouse.cli.client import Connection
from tollhouse.cli.commands import _price_table
from tollhouse.proto.catalog import reader


def test_a_published_table_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nodes refuse it and go on; so does the command, and says so."""
    bad: dict[str, Any] = {"source": "x", "version": "1", "vendors": {"openai": [["a", [], 0, []]]}}
    monkeypatch.setattr(_price_table, "published", lambda connection: (bad, 7))
    _price_table.use_published(cast(Connection, None))
    assert "no rule" in capsys.readouterr().err
    assert reader.source() == reader.bundled().name
