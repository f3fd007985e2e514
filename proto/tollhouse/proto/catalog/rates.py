"""What a price is: rates by kind of token, tiers by the size of the request, and the provider's service tiers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rates:
    """Nano-USD per million tokens, by kind; ``of`` fills in the kinds that have no price of their own."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    cached_audio: int = 0
    image_input: int = 0
    image_output: int = 0
    cached_image: int = 0
    dearest_input: int = field(init=False, compare=False, default=0)
    """Of text, read from a cache, written to it, or neither."""
    dearest_media: int = field(init=False, compare=False, default=0)
    """Of input of any kind."""
    dearest_output: int = field(init=False, compare=False, default=0)

    def __post_init__(self) -> None:
        text = max(self.input, self.cached, self.cache_write, self.cache_write_1h)
        media = max(text, self.audio_input, self.image_input, self.cached_audio, self.cached_image)
        output = max(self.output, self.reasoning, self.audio_output, self.image_output)
        object.__setattr__(self, "dearest_input", text)
        object.__setattr__(self, "dearest_media", media)
        object.__setattr__(self, "dearest_output", output)

    @classmethod
    def of(
        cls,
        input: int | None,
        output: int | None,
        cached: int | None = None,
        cache_write: int | None = None,
        cache_write_1h: int | None = None,
        reasoning: int | None = None,
        audio_input: int | None = None,
        audio_output: int | None = None,
        cached_audio: int | None = None,
        image_input: int | None = None,
        image_output: int | None = None,
        cached_image: int | None = None,
    ) -> Rates:
        """Kinds without a price of their own cost what the kind they are part of costs; of audio and images that have
        one, reading them from a cache costs no less unless it is said."""
        read, wrote = input or 0, output or 0
        hit = _or(cached, read)
        write = _or(cache_write, read)
        return cls(
            read,
            wrote,
            hit,
            write,
            _or(cache_write_1h, write),
            _or(reasoning, wrote),
            _or(audio_input, read),
            _or(audio_output, wrote),
            _or(cached_audio, hit if audio_input is None else audio_input),
            _or(image_input, read),
            _or(image_output, wrote),
            _or(cached_image, hit if image_input is None else image_input),
        )


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


_NOTHING = Rates()
ESTIMATE = Rates.of(15_000_000_000, 75_000_000_000)
"""Of tokens whose price nobody knows: what the dearest models in wide use cost."""


@dataclass(frozen=True, slots=True)
class PriceTable:
    """A model's rates, and where they come from. A tier holds for all tokens of a request with more input tokens."""

    base: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    """(input tokens above which the rates hold, rates), ascending."""
    source: str = ""
    """``genai-prices 0.2.3``, ``config``."""
    known: bool = True
    """False: nobody knows the price, and these rates are what its policy says instead."""
    services: tuple[tuple[str, PriceTable], ...] = ()
    """What is known of the provider's service tiers (``batch``, ``flex``, ``priority``, ``fast``): name, prices."""
    search: int = 0
    """Nano-USD per thousand web searches the provider makes."""
    request: int = 0
    """Nano-USD per answered request, whatever its size."""
    second: int = 0
    """Nano-USD per million seconds of audio read."""
    character: int = 0
    """Nano-USD per million characters spoken."""
    image: int = 0
    """Nano-USD per million pictures made."""
    by_unit: bool = field(init=False, compare=False, default=False)
    """Something costs by the second, character or picture."""
    only_units: bool = field(init=False, compare=False, default=False)
    """And nothing else: of its tokens nobody knows the price, and they are charged as if nobody knew the model's."""
    uncommon: bool = field(init=False, compare=False, default=False)
    """There is more to a cost than tokens by the five common kinds."""
    dearer: tuple[tuple[str, PriceTable], ...] = field(init=False, compare=False, default=())
    """Service tiers that cost more than the standard one."""
    is_free: bool = field(init=False, compare=False, default=False)
    """Nothing costs anything."""

    def __post_init__(self) -> None:
        reasoning = any(one.reasoning != one.output for one in (self.base, *(rates for _, rates in self.tiers)))
        object.__setattr__(self, "uncommon", bool(self.request) or reasoning)
        object.__setattr__(self, "by_unit", bool(self.second or self.character or self.image))
        if self.by_unit and self.base == _NOTHING and not self.request:
            object.__setattr__(self, "only_units", True)
            object.__setattr__(self, "base", ESTIMATE)
        more = tuple((name, one) for name, one in self.services if one.exceeds(self))
        object.__setattr__(self, "dearer", more)
        priced = self.tiers or self.services or self.search or self.request or self.by_unit or self.base != _NOTHING
        object.__setattr__(self, "is_free", not priced)

    def exceeds(self, other: PriceTable) -> bool:
        """Whether something costs more here."""
        ours, theirs = self.base, other.base
        return ours.dearest_media > theirs.dearest_media or ours.dearest_output > theirs.dearest_output

    def service(self, tier: str) -> PriceTable:
        """The prices of a service tier; the standard ones where it has none of its own."""
        for name, table in self.services:
            if name == tier:
                return table
        return self
