"""How much of the provider's own quota is left, from the headers of its answers."""

from __future__ import annotations

from collections.abc import Iterable

_PAIRS = (
    ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests"),
    ("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens"),
    ("anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining"),
    ("anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-remaining"),
    ("anthropic-ratelimit-input-tokens-limit", "anthropic-ratelimit-input-tokens-remaining"),
    ("anthropic-ratelimit-output-tokens-limit", "anthropic-ratelimit-output-tokens-remaining"),
)

REFILL_S = 60.0
"""Vendors' quotas are per minute and refill continuously."""


def headroom(headers: Iterable[tuple[str, str]]) -> float | None:
    """The smallest share that is left of any quota, 0 to 1; None when no header says. Header names are lower case."""
    told = {name: value for name, value in headers if "ratelimit" in name}
    if not told:
        return None
    shares = []
    for limit_name, left_name in _PAIRS:
        limit, left = _number(told.get(limit_name)), _number(told.get(left_name))
        if limit and left is not None:
            shares.append(min(1.0, left / limit))
    return min(shares, default=None)


def refilled(share: float, seconds: float) -> float:
    """What a share has become after so long without another word."""
    return min(1.0, share + max(0.0, seconds) / REFILL_S)


def _number(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None
