"""What few answers are charged for besides text at standard rates: service tiers, audio, images, searches."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import Special, Usage
from tollhouse.dataplane.protocols._fields import count

_STANDARD = frozenset({"default", "standard", "auto", "on_demand", "scale", "provisioned_throughput", "unspecified"})
"""What providers call the tier that costs what the list says, or what was paid for by a contract of its own."""

_LONGEST_TIER = 32


def tier_of(value: Any) -> str:
    """Our name of a service tier; empty for the standard one."""
    if not isinstance(value, str) or not value:
        return ""
    name = value.lower().removeprefix("on_demand_")
    return "" if name in _STANDARD or len(name) > _LONGEST_TIER else name


def with_tier(usage: Usage | None, value: Any) -> Usage | None:
    """Usage of an answer that was served in the tier its body names beside it."""
    if value is None or usage is None:
        return usage
    tier = tier_of(value)
    if tier:
        usage.special = (
            msgspec.structs.replace(usage.special, tier=tier) if usage.special is not None else Special(tier)
        )
    return usage


def by_kind(read: dict[str, Any], written: dict[str, Any]) -> Special | None:
    """Audio and images, from the details OpenAI gives of what was read and written."""
    cached = read.get("cached_tokens_details")
    cached = cached if isinstance(cached, dict) else {}
    found = Special(
        "",
        count(read.get("audio_tokens")),
        count(written.get("audio_tokens")),
        count(cached.get("audio_tokens")),
        count(read.get("image_tokens")),
        count(written.get("image_tokens")),
        count(cached.get("image_tokens")),
    )
    return found if found != _NONE else None


_NONE = Special()
