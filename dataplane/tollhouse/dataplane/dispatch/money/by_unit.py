"""What is charged by the second, the character or the picture: audio read, speech, pictures made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from tollhouse.dataplane.chat import Special, Usage
from tollhouse.proto.catalog import PriceTable

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

USUAL_BYTES = 4000
"""Of a second of audio: 32 kbit, as speech is often kept."""
FEWEST_BYTES = 500
"""The least a second of speech that can be understood takes."""
_PATH = re.compile(r"/v1/(?:audio/(speech|transcriptions|translations)|(images)/\w+)$")
_MOST_IMAGES = 100
_FIGURES = ("audio_ms", "characters", "images")


def units_of(ex: Exchange, bytes_per_second: int = USUAL_BYTES) -> Special | None:
    """What a request asks for; None where it is nothing of the kind. How long audio is, its size must say."""
    protocol = ex.protocol
    found = _PATH.search(ex.path) if protocol is not None and protocol.opaque and ex.method == "POST" else None
    if found is None or ex.document is None:
        return None
    if found[2]:
        asked = ex.document.get("n")
        number = int(asked) if str(asked).isdecimal() else 1
        return Special(images=max(1, min(_MOST_IMAGES, number)))
    if found[1] == "speech":
        text = ex.document.get("input")
        return Special(characters=len(text) if isinstance(text, str) else 0)
    return Special(audio_ms=1000 * len(ex.body or b"") // bytes_per_second)


def most_nano(ex: Exchange, price: PriceTable) -> tuple[int, bool]:
    """What that costs at most, and whether that is all: recordings are not read by the byte."""
    units = units_of(ex, FEWEST_BYTES) if price.by_unit else None
    nano = _nano(units, price) if units is not None else 0
    return nano, bool(nano) and (price.only_units or bool(units and units.audio_ms and not price.known))


def with_units(ex: Exchange, price: PriceTable, told: Usage | None) -> Usage | None:
    """What is charged for such a request; ``told`` by its provider, or None. None where nothing is charged by units."""
    units = units_of(ex)
    if units is None or not _nano(units, price):
        return None
    usage = told if told is not None else Usage()
    special = usage.special or Special()
    if any(getattr(special, name) for name in _FIGURES):
        return usage
    if usage.total_tokens and not price.only_units and not price.known:
        return None  # its tokens stand for all of it
    usage.special = msgspec.structs.replace(special, **{name: getattr(units, name) for name in _FIGURES})
    usage.estimated = usage.estimated or bool(units.audio_ms) or not price.known
    return usage


def _nano(units: Special, price: PriceTable) -> int:
    total = units.audio_ms * price.second // 1000 + units.characters * price.character + units.images * price.image
    return (total + 999_999) // 1_000_000
