"""Hourly sums as charges with the columns of FOCUS 1.2, the FinOps Foundation's form of billing data.

One charge per hour, consumer, model, provider and so on; what corrections added is a charge of its own. All four costs
are the ledger's. A charge covers several kinds of tokens, so it has no unit price (those columns are left out, as FOCUS
wants it where there are none); the kinds are in ``x_`` columns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tollhouse.controlplane.ledger.forms import Type
from tollhouse.proto.units import nano_to_usd

COLUMNS: dict[str, Type] = {
    "BilledCost": "usd",
    "BillingAccountId": "text",
    "BillingAccountName": "text",
    "BillingAccountType": "text",
    "BillingCurrency": "text",
    "BillingPeriodEnd": "moment",
    "BillingPeriodStart": "moment",
    "ChargeCategory": "text",
    "ChargeClass": "text",
    "ChargeDescription": "text",
    "ChargeFrequency": "text",
    "ChargePeriodEnd": "moment",
    "ChargePeriodStart": "moment",
    "ConsumedQuantity": "decimal",
    "ConsumedUnit": "text",
    "ContractedCost": "usd",
    "EffectiveCost": "usd",
    "InvoiceId": "text",
    "InvoiceIssuerName": "text",
    "ListCost": "usd",
    "PricingCategory": "text",
    "PricingCurrency": "text",
    "PricingQuantity": "decimal",
    "PricingUnit": "text",
    "ProviderName": "text",
    "PublisherName": "text",
    "RegionId": "text",
    "RegionName": "text",
    "ResourceId": "text",
    "ResourceName": "text",
    "ResourceType": "text",
    "ServiceCategory": "text",
    "ServiceName": "text",
    "ServiceSubcategory": "text",
    "SkuId": "text",
    "SkuMeter": "text",
    "SubAccountId": "text",
    "SubAccountName": "text",
    "SubAccountType": "text",
    "Tags": "text",
    "x_Consumer": "text",
    "x_GroupPath": "text",
    "x_Route": "text",
    "x_Node": "text",
    "x_Outcome": "text",
    "x_EstimatedCost": "usd",
    "x_CacheSavedCost": "usd",
    "x_RoutingSavedCost": "usd",
    "x_Requests": "number",
    "x_InputTokens": "number",
    "x_CachedTokens": "number",
    "x_CacheWriteTokens": "number",
    "x_OutputTokens": "number",
    "x_ReasoningTokens": "number",
}


def charges(row: Mapping[Any, Any], now: datetime | None = None) -> list[dict[str, Any]]:
    """The charges of one hourly sum: its usage, and what corrections added. Within the month that is not over yet
    corrections are no charge of their own: FOCUS calls so only what changes a month that was invoiced."""
    over = _following(_month(row)) <= (now or datetime.now(UTC))
    corrected = row["corrected_nano"] if over else 0
    found = []
    if row["attempts"] or row["cost_nano"] != corrected:
        found.append(_charge(row, row["cost_nano"] - corrected))
    if corrected:
        correction = _charge(row, corrected)
        correction.update(ChargeClass="Correction", x_Requests=0)
        correction.update(ConsumedQuantity=Decimal(0), PricingQuantity=Decimal(0))
        correction["ChargeDescription"] = f"Corrections of {correction['ChargeDescription']}"
        correction.update({name: 0 for name in COLUMNS if name.endswith("Tokens")})
        correction.update({name: _usd(0) for name in COLUMNS if name.startswith("x_") and name.endswith("Cost")})
        found.append(correction)
    return found


def _charge(row: Mapping[Any, Any], nano: int) -> dict[str, Any]:
    start = datetime.fromtimestamp(row["hour"], UTC)
    month = _month(row)
    following = _following(month)
    cost = _usd(nano)
    groups = [step for step in row["group_path"].split("/") if step]
    tags = {"consumer": row["consumer"], "group": row["group_id"], "route": row["route"], "node": row["node"]}
    return {
        **dict.fromkeys(COLUMNS),
        **dict.fromkeys(("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"), cost),
        "BillingAccountId": row["provider"],
        "BillingAccountName": row["provider"],
        "BillingAccountType": "Provider account",
        "BillingCurrency": "USD",
        "PricingCurrency": "USD",
        "BillingPeriodStart": _moment(month),
        "BillingPeriodEnd": _moment(following),
        "ChargeCategory": "Usage",
        "ChargeDescription": f"{row['model']} at {row['provider']} by {row['consumer'] or 'unknown'}",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": _moment(start),
        "ChargePeriodEnd": _moment(start + timedelta(hours=1)),
        "ConsumedQuantity": Decimal(row["input_tokens"] + row["output_tokens"]),
        "ConsumedUnit": "Tokens",
        "InvoiceIssuerName": row["provider"],
        "PricingCategory": "Standard",
        "PricingQuantity": Decimal(row["input_tokens"] + row["output_tokens"]),
        "PricingUnit": "Tokens",
        "ProviderName": row["provider"],
        "PublisherName": row["provider"],
        "ResourceId": row["model"],
        "ResourceName": row["model"],
        "ResourceType": "Model",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": f"{row['provider']} API",
        "ServiceSubcategory": "Generative AI",
        "SkuId": f"{row['provider']}/{row['model']}",
        "SkuMeter": "Tokens",
        "SubAccountId": groups[0] if groups else None,
        "SubAccountName": groups[0] if groups else None,
        "SubAccountType": "Consumer group" if groups else None,
        "Tags": json.dumps({name: value for name, value in tags.items() if value}, sort_keys=True),
        "x_Consumer": row["consumer"],
        "x_GroupPath": row["group_path"],
        "x_Route": row["route"],
        "x_Node": row["node"],
        "x_Outcome": row["outcome"],
        "x_EstimatedCost": _usd(row["estimated_nano"]),
        "x_CacheSavedCost": _usd(row["cache_saved_nano"]),
        "x_RoutingSavedCost": _usd(row["routing_saved_nano"]),
        "x_Requests": row["requests"],
        "x_InputTokens": row["input_tokens"],
        "x_CachedTokens": row["cached_tokens"],
        "x_CacheWriteTokens": row["cache_write_tokens"],
        "x_OutputTokens": row["output_tokens"],
        "x_ReasoningTokens": row["reasoning_tokens"],
    }


def _month(row: Mapping[Any, Any]) -> datetime:
    return datetime.fromtimestamp(row["hour"], UTC).replace(day=1, hour=0)


def _following(month: datetime) -> datetime:
    return (month + timedelta(days=32)).replace(day=1)


def _usd(nano: int) -> Decimal:
    return nano_to_usd(nano).quantize(Decimal("0.000000001"))


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
