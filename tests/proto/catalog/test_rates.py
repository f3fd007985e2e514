"""Rates by kind, and what follows from them."""

from __future__ import annotations

from tollhouse.proto.catalog import PriceTable, Rates


def test_a_kind_without_a_price_costs_what_it_is_part_of() -> None:
    """Audio is input, and cached audio costs no less than audio unless somebody says so."""
    plain = Rates.of(3, 15, 1)
    assert (plain.audio_input, plain.cached_audio, plain.image_output, plain.reasoning) == (3, 1, 15, 15)
    heard = Rates.of(3, 15, 1, audio_input=40)
    assert (heard.cached_audio, heard.dearest_input, heard.dearest_media) == (40, 3, 40)


def test_dearer_service_tiers_are_known_as_such() -> None:
    """A request that asks for one is reserved at its rates."""
    cheap, dear = PriceTable(Rates.of(1, 5)), PriceTable(Rates.of(6, 30))
    table = PriceTable(Rates.of(3, 15), services=(("flex", cheap), ("priority", dear)))
    assert table.dearer == (("priority", dear),)
    assert table.service("flex") is cheap
    assert table.service("other") is table


def test_a_fee_or_a_service_tier_is_not_free() -> None:
    """Nought for tokens is not nought."""
    assert PriceTable(Rates()).is_free
    assert not PriceTable(Rates(), request=1).is_free
    assert not PriceTable(Rates(), services=(("priority", PriceTable(Rates.of(1, 1))),)).is_free
