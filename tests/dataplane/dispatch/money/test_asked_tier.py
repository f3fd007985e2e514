"""Reserving for the service tier that is asked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.dispatch.money.asked_tier import price_at_most
from tollhouse.dataplane.document import RequestDocument
from tollhouse.proto.catalog import PriceTable, Rates

FLEX, PRIORITY = PriceTable(Rates.of(1, 5)), PriceTable(Rates.of(6, 30))
STANDARD = PriceTable(Rates.of(3, 15), services=(("flex", FLEX), ("priority", PRIORITY)))


def reserved(body: bytes, **fields: Any) -> PriceTable | None:
    """The prices an attempt is reserved at."""
    ex: Any = SimpleNamespace(document=RequestDocument(body))
    endpoint: Any = None
    return price_at_most(ex, Target("t", endpoint, "m", **{"price": STANDARD, **fields}))


@pytest.mark.parametrize(
    ("body", "fields", "expected"),
    [
        (b"{}", {}, STANDARD),
        (b'{"service_tier": "priority"}', {}, PRIORITY),
        (b'{"service_tier": "flex"}', {}, STANDARD),  # may still be served at the standard one
        (b'{"service_tier": "auto"}', {}, STANDARD),
        (b"{}", {"options": {"service_tier": "priority"}}, PRIORITY),
        (b"{}", {"overrides": {"openai_chat": {"service_tier": "priority"}}}, PRIORITY),
        (b'{"service_tier": ["priority"]}', {}, STANDARD),
        (b'{"service_tier": "priority"}', {"price": FLEX}, FLEX),
        (b'{"service_tier": "priority"}', {"price": None}, None),
    ],
)
def test_a_dearer_tier_is_reserved_at_its_rates(
    body: bytes, fields: dict[str, Any], expected: PriceTable | None
) -> None:
    """Whether the client asks for it or the operator; a cheaper one changes nothing."""
    assert reserved(body, **fields) is expected
