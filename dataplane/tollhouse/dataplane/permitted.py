"""What policies leave a request: patterns of models, providers and regions. Several policies narrow one another."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

ALLOWED = "allowed_models"
"""``Exchange.state`` key: glob patterns of the model names the caller may ask for; absent allows all. A model that
stands in for the asked-for one must be allowed too."""

PROVIDERS = "allowed_providers"
REGIONS = "allowed_regions"
"""``Exchange.state`` key: glob patterns of the providers (their ids) this request may go to; absent allows all. Looked
at on every hop, as every hop chooses among the targets this leaves."""


class Several(tuple[Sequence[str], ...]):
    """The patterns of several policies: each of them must allow a name."""

    __slots__ = ()


def confine(ex: Exchange, key: str, patterns: Sequence[str]) -> None:
    """Narrow what is left under a key."""
    before = ex.state.get(key)
    if before is None:
        ex.state[key] = patterns
    elif before != patterns:
        ex.state[key] = Several((*before, patterns) if isinstance(before, Several) else (before, patterns))


def is_allowed(name: str, allowed: Sequence[str] | Several | None) -> bool:
    """Whether a caller may ask for a model (or be served by a provider). A pattern that begins with ``!`` forbids."""
    if allowed is None:
        return True
    if isinstance(allowed, Several):
        return all(is_allowed(name, patterns) for patterns in allowed)
    plain = name.lower()  # some providers take a name in any case
    if any(fnmatchcase(plain, pattern[1:].lower()) for pattern in allowed if pattern.startswith("!")):
        return False
    return any(fnmatchcase(name, pattern) for pattern in allowed)
