"""What models cost where it is not what the bundled table says: rates by kind of token, tiers, service tiers."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from tollhouse.proto.resources.fields import Part

MOST_USD = 1_000_000
"""Per million tokens: a price above a dollar a token is a mistake in the unit."""


def _usd(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError('a price is a number of USD per million tokens, e.g. 3 or "0.15"')
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number of USD per million tokens") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"a price is 0 or more, came {value}")
    if amount > MOST_USD:
        raise ValueError(f"a price is in USD per million tokens and at most {MOST_USD}, came {value}")
    return str(value)


Usd = Annotated[
    str,
    BeforeValidator(_usd),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}),
]
"""USD per million tokens, as decimal text; numbers are taken by their shortest text, so 0.1 stays 0.1."""


class TokenRates(Part):
    """USD per million tokens, by kind of token."""

    input: Usd | None = None
    """Tokens read."""

    output: Usd | None = None
    """Tokens written, reasoning included."""

    cached_input: Usd | None = None
    """Tokens read from the provider's cache."""

    cache_write: Usd | None = None
    """Tokens written to the provider's cache for five minutes."""

    cache_write_1h: Usd | None = None
    """Tokens written to the provider's cache for an hour."""

    reasoning: Usd | None = None
    """Reasoning tokens, where they cost something else than the rest of the output."""

    audio_input: Usd | None = None
    """Audio read."""

    audio_output: Usd | None = None
    """Audio written."""

    cached_audio_input: Usd | None = None
    """Audio read from the provider's cache."""

    image_input: Usd | None = None
    """Images read, where the provider counts their tokens apart."""

    image_output: Usd | None = None
    """Images written."""

    cached_image_input: Usd | None = None
    """Images read from the provider's cache."""


class ContextTier(TokenRates):
    """Rates for all tokens of requests that are large."""

    above: int = Field(ge=1)
    """They hold for requests with more input tokens than this."""


def _ascending(tiers: list[ContextTier]) -> list[ContextTier]:
    bounds = [tier.above for tier in tiers]
    if bounds != sorted(set(bounds)):
        raise ValueError("tiers stand in the order of `above`, each with another one")
    return tiers


Tiers = Annotated[list[ContextTier], AfterValidator(_ascending), Field(max_length=16)]


class TieredRates(TokenRates):
    """Rates, and others for large requests."""

    tiers: Tiers = []
    """Rates for large requests; kinds that are not given cost there what they cost otherwise."""


class Price(TieredRates):
    """USD per million tokens, by kind of token. What is not given is taken from what is less specific, the bundled
    table last; a kind no one gives costs what ``input`` or ``output`` costs."""

    service_tiers: dict[Literal["batch", "flex", "priority", "fast"], TieredRates] = {}
    """What the provider's service tiers cost."""

    web_search: Usd | None = None
    """USD per thousand web searches the provider makes."""

    request: Usd | None = None
    """USD per answered request, whatever its size."""

    second: Usd | None = None
    """USD per thousand seconds of audio read, where it is charged by its length."""

    character: Usd | None = None
    """USD per million characters spoken, where speech is charged by them."""

    image: Usd | None = None
    """USD per thousand pictures made, where they are charged by the piece."""

    source: str | None = Field(default=None, min_length=1, max_length=128)
    """Where the prices come from, with their version: stands in every record made with them; ``config`` when not
    given."""

    @property
    def says_nothing(self) -> bool:
        """Whether no price is given."""
        return not self.model_dump(exclude_none=True, exclude={"source"}, exclude_defaults=True)
