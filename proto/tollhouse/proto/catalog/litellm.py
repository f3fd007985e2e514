"""Reads price tables in LiteLLM's form (``model_prices_and_context_window.json``) as prices of providers.

A table is foreign: what it says is checked field by field, and rows that price everything at nought are left out, since
that is how such tables spell "not known yet".
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tollhouse.proto.resources.price import MOST_USD

TYPES = {
    "openai": "openai",
    "text-completion-openai": "openai",
    "anthropic": "anthropic",
    "azure": "azure-openai",
    "bedrock": "bedrock",
    "bedrock_converse": "bedrock",
    "gemini": "gemini",
    "vertex_ai": "vertex-ai",
    "vertex_ai-language-models": "vertex-ai",
    "vertex_ai-anthropic_models": "vertex-ai",
    "groq": "groq",
    "mistral": "mistral",
    "deepseek": "deepseek",
    "xai": "xai",
    "openrouter": "openrouter",
}
"""``litellm_provider`` -> our provider type; rows of others are left out."""

_MILLION = Decimal(1_000_000)

_KINDS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "input_cost_per_token_cache_hit": "cached_input",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "cache_creation_input_token_cost": "cache_write",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
    "cache_read_input_audio_token_cost": "cached_audio_input",
    "input_cost_per_image_token": "image_input",
    "output_cost_per_image_token": "image_output",
    "cache_read_input_image_token_cost": "cached_image_input",
}
_FIELD = re.compile(
    rf"(?P<kind>{'|'.join(_KINDS)})(?:_above_(?P<above>\d{{1,5}})k_tokens)?(?:_(?P<service>batches|flex|priority))?$"
)
_SERVICES = {"batches": "batch", "flex": "flex", "priority": "priority"}
_PER_REQUEST = "input_cost_per_request"
_PER_SEARCH = "search_context_cost_per_query"
_UNITS = {
    "audio_transcription": {"input_cost_per_second": ("second", Decimal(1000))},
    "audio_speech": {"input_cost_per_character": ("character", _MILLION)},
    "image_generation": {
        "output_cost_per_image": ("image", Decimal(1000)),
        "input_cost_per_image": ("image", Decimal(1000)),
    },
}
"""By the row's mode: what else has such fields means something else by them."""


class BadTable(ValueError):
    """It is no such table; the text says why."""


@dataclass
class Table:
    """What was read."""

    prices: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Provider type -> model (or pattern) -> a price, as ``resources.price`` has it."""
    problems: list[str] = field(default_factory=list)
    """Nonsense, with model, field and value."""
    unread: Counter[str] = field(default_factory=Counter)
    """Cost fields there is nothing for here, and how many rows of our providers have them."""
    at_nought: int = 0
    """Rows that say everything is free."""
    others: int = 0
    """Rows of providers there are no types for."""


def read(data: bytes) -> Table:
    """Raises BadTable when it is none at all."""
    try:
        rows = json.loads(data, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise BadTable(f"it is no JSON: {error}") from None
    if not isinstance(rows, dict) or not any(
        isinstance(row, dict) and "litellm_provider" in row for row in rows.values()
    ):
        raise BadTable('it is no table of models by name, each with "litellm_provider" and costs per token')
    table = Table()
    for name, row in rows.items():
        if name == "sample_spec" or not isinstance(row, dict):
            continue
        kind = TYPES.get(str(row.get("litellm_provider")))
        model = _model(name, kind) if kind is not None else ""
        if kind is None or not model:
            table.others += 1
            continue
        price = _price(name, row, table)
        if price is None:
            continue
        if not any(Decimal(one) for one in _amounts(price)):
            table.at_nought += 1
            continue
        table.prices.setdefault(kind, {})[model] = price
    return table


def _model(name: str, kind: str) -> str:
    """The provider's own name. Rows of single regions are left out: theirs is not the price of the model elsewhere."""
    bare = name.partition("/")[2] if name.partition("/")[0] in TYPES else name
    if "/" in bare and kind in ("azure-openai", "bedrock", "vertex-ai", "gemini", "openai"):
        return ""
    return f"{bare}*" if bare.startswith("ft:") else bare


def _price(name: str, row: dict[str, Any], table: Table) -> dict[str, Any] | None:
    """None where nothing is priced that is charged here, or something is wrong."""
    base: dict[str, Any] = {}
    tiers: dict[str, dict[int, dict[str, Any]]] = {}
    services: dict[str, dict[str, Any]] = {}
    wrong = False
    for spelled, value in row.items():
        found = _FIELD.match(spelled)
        per_search = spelled == _PER_SEARCH
        unit, times = _UNITS.get(row.get("mode", ""), {}).get(spelled, ("", _MILLION))
        if found is None and spelled != _PER_REQUEST and not per_search and not unit:
            if "cost" in spelled and value:
                table.unread[spelled] += 1
            continue
        if value is None:
            continue
        if per_search:
            value = value.get("search_context_size_medium") if isinstance(value, dict) else value
        amount, problem = _amount(value, 1 if spelled == _PER_REQUEST else 1000 if per_search else times)
        if problem:
            table.problems.append(f"{name}: {spelled} {problem}")
            wrong = True
        elif found is None:
            base["web_search" if per_search else unit or "request"] = amount
        else:
            service = _SERVICES.get(found["service"] or "", "")
            holder = services.setdefault(service, {}) if service else base
            if found["above"]:
                above = int(found["above"]) * 1000
                holder = tiers.setdefault(service, {}).setdefault(above, {"above": above})
            holder[_KINDS[found["kind"]]] = amount
    if wrong:
        return None
    for service, of_size in tiers.items():
        holder = services.setdefault(service, {}) if service else base
        holder["tiers"] = [of_size[above] for above in sorted(of_size)]
    if services:
        base["service_tiers"] = {one: services[one] for one in sorted(services)}
    return base if base.keys() - {"web_search"} else None


def _amount(value: Any, times: Decimal | int) -> tuple[str, str]:
    """As the resource has it, or what is wrong."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return "", f"is not a number but {json.dumps(value, default=str)[:60]}"
    amount = Decimal(value) * times
    if not amount.is_finite() or amount < 0:
        return "", f"is {value}: a price is 0 or more"
    if amount > MOST_USD:
        return "", f"is {value}: more than {MOST_USD} USD per million is a mistake in the unit"
    return f"{amount.normalize():f}", ""


def _amounts(price: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for name, value in price.items():
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            found += _amounts(value)
        elif name == "tiers":
            found += [one for tier in value for one in _amounts(tier)]
    return found


def flat(price: dict[str, Any]) -> dict[str, str]:
    """A price as one line per amount: ``input``, ``input >200000``, ``batch input``."""
    lines = {name: value for name, value in price.items() if isinstance(value, str) and name != "source"}
    for tier in price.get("tiers", ()):
        lines |= {f"{name} >{tier['above']}": value for name, value in tier.items() if isinstance(value, str)}
    for service, own in price.get("service_tiers", {}).items():
        lines |= {f"{service} {name}": value for name, value in flat(own).items()}
    return lines
