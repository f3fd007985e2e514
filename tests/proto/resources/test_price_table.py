"""A price table is an object like others, and in no document."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from tollhouse.proto import resources
from tollhouse.proto.catalog import reader
from tollhouse.proto.resources.kinds import KINDS
from tollhouse.proto.resources.price_table import PUBLISHED


def test_the_bundled_table_is_one() -> None:
    resources.parse("price_tables", reader.bundled_bytes(), "published")
    assert not KINDS["price_tables"].in_documents


@pytest.mark.parametrize("vendors", [{"openai": [["gpt-4o"]]}, {"openai": 1}, None])
def test_rows_that_cannot_be_read_are_refused(vendors: object) -> None:
    with pytest.raises(ValidationError):
        KINDS["price_tables"].model.model_validate({"source": "x", "version": "1", "vendors": vendors})


def test_there_is_one() -> None:
    """A table of another id would never be charged by."""
    kind = KINDS["price_tables"]
    assert kind.id_error(PUBLISHED) == ""
    assert "'published'" in kind.id_error("other")
