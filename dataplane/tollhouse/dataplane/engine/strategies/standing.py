"""What strategies see of a target, and what they say about it."""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.proto.catalog import PriceTable


@dataclass(slots=True)
class Standing:
    """One target as it is at the moment. Zero and None stand for what is not known."""

    name: str
    weight: int = 1
    in_flight: int = 0
    start_s: float = 0.0
    """Seconds to the first token, peak-sensitive average."""
    token_s: float = 0.0
    """Seconds per token after that."""
    failing: bool = False
    """It has answered, but never well, so that nothing was measured."""
    headroom: float | None = None
    """Share of the provider's own quota that is left, 0 to 1, as its last answer said."""
    price: PriceTable | None = None
    warm_tokens: int = 0
    """Tokens of this session's prompt the target's prompt cache probably holds."""
    write_share: float = 0.0
    write_1h_share: float = 0.0
    """Shares of this agent's uncached input that the target charges as written to its cache, for minutes or an hour."""
    also: str = ""
    """Another name it may be meant by: the provider's id and the model."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A place in the order, and why it has it."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Expected:
    """The size a request will probably turn out to have."""

    input_tokens: int
    output_tokens: int
    seen: int = 0
    """How many requests of this agent on this route it was learned from; 0: an assumption."""
