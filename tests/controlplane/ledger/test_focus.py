"""Charges as the FOCUS 1.2 specification wants them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tollhouse.controlplane.ledger.focus import COLUMNS, charges
from tollhouse.controlplane.ledger.schema import KEYS, SUMS

MANDATORY = {
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd"),
    *("BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd"),
    *("ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity"),
    *("PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName"),
}
"""Feature level "Mandatory" in https://focus.finops.org/focus-specification/v1-2/ (columns)."""

NEVER_NULL = MANDATORY - {"ChargeClass"}
"""Of charges of usage that correct nothing."""

UNIT_PRICES = {"ListUnitPrice", "ContractedUnitPrice", "SkuPriceId", "PricingCurrencyListUnitPrice"}
"""Conditional, and not null where they are there: only for who has one price per charge."""

ALLOWED: dict[str, set[str | None]] = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {None, "Correction"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {"Standard", "Dynamic", "Committed", "Other"},
    "ServiceCategory": {"AI and Machine Learning"},
    "ServiceSubcategory": {"AI Platforms", "Bots", "Generative AI", "Machine Learning", "Natural Language Processing"},
}
HOUR = int(datetime(2026, 10, 31, 23, tzinfo=UTC).timestamp())
IN_NOVEMBER, IN_OCTOBER = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 10, 31, 23, 59, tzinfo=UTC)


def row(**fields: Any) -> dict[str, Any]:
    """An hourly sum."""
    texts = {**dict.fromkeys(KEYS, "x"), "group_path": "/company/search/", "hour": HOUR}
    return {**texts, **dict.fromkeys(SUMS, 0), "attempts": 1, "cost_nano": 5, "input_tokens": 7, **fields}


def test_columns_are_those_of_the_specification() -> None:
    """All that must be there, unit prices left out, ours marked as such."""
    assert set(COLUMNS) >= MANDATORY
    assert not set(COLUMNS) & UNIT_PRICES
    assert all(name[0].isupper() or name.startswith("x_") for name in COLUMNS)


def test_what_must_not_be_null_is_not_and_values_are_allowed() -> None:
    """Of usage, also where nothing but names is known."""
    for one in charges(row(), IN_NOVEMBER) + charges(row(consumer="", group_path="", group_id=""), IN_OCTOBER):
        assert [name for name in sorted(NEVER_NULL) if one[name] is None] == []
        for name, values in ALLOWED.items():
            assert one[name] in values
        assert (one["SkuMeter"] is None) == (one["SkuId"] is None)
        assert (one["ConsumedUnit"] is None) == (one["ConsumedQuantity"] is None)
        assert one["BillingPeriodStart"] <= one["ChargePeriodStart"] < one["ChargePeriodEnd"] <= one["BillingPeriodEnd"]


def test_corrections_are_charges_of_their_own_once_the_month_was_invoiced() -> None:
    """Within it they are part of the charge. Either way the costs add up."""
    corrected = row(cost_nano=8, corrected_nano=3)
    usage, correction = charges(corrected, IN_NOVEMBER)
    assert (usage["ChargeClass"], correction["ChargeClass"]) == (None, "Correction")
    assert (usage["BilledCost"], correction["BilledCost"]) == (Decimal("0.000000005"), Decimal("0.000000003"))
    assert (correction["ConsumedQuantity"], correction["PricingQuantity"], correction["x_InputTokens"]) == (0, 0, 0)
    (whole,) = charges(corrected, IN_OCTOBER)
    assert (whole["ChargeClass"], whole["BilledCost"]) == (None, Decimal("0.000000008"))
