"""Tables of prices in LiteLLM's form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.proto.catalog.litellm import BadTable, flat, read
from tollhouse.proto.resources.price import Price

ROW = {
    "litellm_provider": "openai",
    "mode": "chat",
    "input_cost_per_token": 5e-06,
    "output_cost_per_token": 3e-05,
    "cache_read_input_token_cost": 5e-07,
    "input_cost_per_token_above_272k_tokens": 1e-05,
    "output_cost_per_token_above_272k_tokens": 4.5e-05,
    "input_cost_per_token_batches": 2.5e-06,
    "output_cost_per_token_batches": 1.5e-05,
    "output_cost_per_token_above_272k_tokens_batches": 2.25e-05,
    "input_cost_per_audio_token": 3.2e-05,
    "input_cost_per_request": 0.001,
    "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_medium": 0.0125},
}


def table(**rows: dict[str, Any]) -> Any:
    """What is read of some rows."""
    return read(json.dumps(rows).encode())


def test_a_row_becomes_a_price() -> None:
    """Exact decimals per million, tiers, service tiers, fees; and the resource takes it."""
    (price,) = table(**{"openai/gpt-x": ROW}).prices["openai"].values()
    assert flat(price) == {
        "input": "5",
        "output": "30",
        "cached_input": "0.5",
        "audio_input": "32",
        "request": "0.001",
        "web_search": "12.5",
        "input >272000": "10",
        "output >272000": "45",
        "batch input": "2.5",
        "batch output": "15",
        "batch output >272000": "22.5",
    }
    assert Price.model_validate(price).service_tiers["batch"].tiers[0].above == 272_000


def test_names_are_the_providers_own() -> None:
    """Without LiteLLM's prefix; fine-tuned ones are patterns; single regions and strangers are left out."""
    rows = {
        "openai/a": ROW,
        "ft:gpt-4o-mini": ROW,
        "gemini/gemini-x": {**ROW, "litellm_provider": "gemini"},
        "bedrock/eu-west-1/anthropic.claude": {**ROW, "litellm_provider": "bedrock"},
        "other/model": {**ROW, "litellm_provider": "somebody"},
        "sample_spec": ROW,
    }
    found = table(**rows)
    names = {kind: list(models) for kind, models in found.prices.items()}
    assert names == {"openai": ["a", "ft:gpt-4o-mini*"], "gemini": ["gemini-x"]}
    assert found.others == 2


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (-1e-06, "a price is 0 or more"),
        ("free", "is not a number"),
        (True, "is not a number"),
        (3, "mistake in the unit"),
    ],
)
def test_nonsense_is_told_by_model_and_field(value: Any, told: str) -> None:
    """And its row is not taken."""
    found = table(a={**ROW, "output_cost_per_token": value}, b=ROW)
    assert len(found.problems) == 1
    assert found.problems[0].startswith("a: output_cost_per_token is ")
    assert told in found.problems[0]
    assert list(found.prices["openai"]) == ["b"]


def test_nought_everywhere_is_no_price() -> None:
    """That is how such tables spell what they do not know."""
    found = table(
        a={"litellm_provider": "openai", "input_cost_per_token": 0, "output_cost_per_token": 0.0},
        b={"litellm_provider": "openai", "output_cost_per_second": 0.1},
    )
    assert (found.prices, found.at_nought, found.unread["output_cost_per_second"]) == ({}, 1, 1)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"a": 1}', b'{"a": {"price": 1}}', b"[" * 100_000])
def test_what_is_no_table_is_refused(data: bytes) -> None:
    """With a sentence."""
    with pytest.raises(BadTable):
        read(data)


def test_seconds_characters_and_pictures_are_read_where_the_mode_says_what_they_mean() -> None:
    rows = {
        "whisper-1": {"mode": "audio_transcription", "input_cost_per_second": 0.0001, "output_cost_per_second": 0.0001},
        "tts-1": {"mode": "audio_speech", "input_cost_per_character": 0.000015},
        "dall-e-3": {"mode": "image_generation", "output_cost_per_image": 0.04},
        "gpt-chat": {"mode": "chat", "input_cost_per_token": 0.000001, "input_cost_per_character": 0.00001},
    }
    table = read(json.dumps({name: {"litellm_provider": "openai", **row} for name, row in rows.items()}).encode())
    assert table.prices["openai"] == {
        "whisper-1": {"second": "0.1"},
        "tts-1": {"character": "15"},
        "dall-e-3": {"image": "40"},
        "gpt-chat": {"input": "1"},
    }
    assert table.unread == {"output_cost_per_second": 1, "input_cost_per_character": 1}
