"""How long vendors ask to wait."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.providers._waits import read_retry_after, read_wait


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Wed, 25 Nov 2026 10:00:10 GMT", "date": "Wed, 25 Nov 2026 10:00:00 GMT"}, 10.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
    ],
)
def test_retry_after_in_every_spelling(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds, seconds, and a date beside the answer's own."""
    assert read_retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("sentence", "seconds"),
    [
        ("Please try again in 20s.", 20.0),
        ("Please try again in 120ms. Visit https://x", 0.12),
        ("Please try again in 6m0s.", 360.0),
        ("Please try again in 1h3m4.5s", 3784.5),
        ("Please retry after 7 seconds.", 7.0),
        ("Please retry in 46.1s.", 46.1),
        ("Try again in 2 minutes 5 seconds", 125.0),
        ("Please try again later", None),
        ("Please try again in 3 months", None),
        ("", None),
    ],
)
def test_waits_in_sentences(sentence: str, seconds: float | None) -> None:
    """OpenAI's, Groq's, Azure's and Google's."""
    wait = read_wait(iter(()), sentence)
    assert wait == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(("delay", "seconds"), [("26s", 26.0), ("0.5s", 0.5), ("s", None), ("soon", None)])
def test_googles_retry_info(delay: str, seconds: float | None) -> None:
    """It outweighs the sentence."""
    details: list[dict[str, Any]] = [{"@type": "x"}, {"retryDelay": delay}]
    assert read_wait(iter(details), "retry in 9s") == seconds
