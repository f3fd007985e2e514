from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from tollhouse.controlplane.service.listing import Query, read_query, select
from tollhouse.controlplane.service.refusal import Refusal
from tollhouse.proto.resources import KINDS


@dataclass
class Item:
    value: dict[str, Any]
    create_revision: int


def items() -> list[Item]:
    return [
        Item({"id": str(n), "name": f"n{n}", "uri": f"/u{n}", "service_id": n % 2, "labels": {f"l{n}": "x"}}, 100 - n)
        for n in range(1, 31)
    ]


@pytest.mark.parametrize(
    ("query", "ids", "total"),
    [
        (Query(name="^n1$"), ["1"], 1),
        (Query(uri="u30"), ["30"], 1),
        (Query(label="l7"), ["7"], 1),
        (Query(page=1, page_size=10), [str(n) for n in range(30, 20, -1)], 30),
        (Query(page=4, page_size=10), [], 30),
        (Query(filter={"service_id": "1", "unknown": "x"}, name="n2$"), [], 0),
        (Query(filter={"service_id": "0"}, name="n2$"), ["2"], 1),
    ],
)
def test_select(query: Query, ids: list[str], total: int) -> None:
    """Filters apply before paging; a page is in the order of creation; unknown filter fields are ignored."""
    page, found = select(KINDS["routes"], items(), query)
    assert ([item.value["id"] for item in page], found) == (ids, total)


def test_uris_are_searched_too() -> None:
    """A uri pattern also looks into uris."""
    page, _ = select(KINDS["routes"], [Item({"uris": ["/a", "/b"]}, 1)], Query(uri="^/b$"))
    assert len(page) == 1


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ({"page": "1", "page_size": "9"}, "page_size must be between 10 and 500"),
        ({"page": "1", "page_size": "501"}, "page_size must be between 10 and 500"),
        ({"page": "x", "page_size": "10"}, "invalid argument page: should be a number"),
    ],
)
def test_bad_paging(args: dict[str, str], text: str) -> None:
    """Paging out of range is refused in APISIX's words."""
    with pytest.raises(Refusal, match=text):
        read_query(args)


def test_paging_needs_both() -> None:
    """A page without its size means everything, as in APISIX."""
    assert read_query({"page": "2"}) == Query()


def test_bad_pattern() -> None:
    """What is no regular expression is refused, and one that would backtrack is harmless."""
    with pytest.raises(Refusal, match="not a regular expression"):
        select(KINDS["routes"], items(), Query(name="("))
    assert select(KINDS["routes"], [Item({"name": "a" * 200 + "!"}, 1)], Query(name="(a+)+$"))[1] == 0
