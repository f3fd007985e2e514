"""What providers say of their quota."""

from __future__ import annotations

from tollhouse.dataplane.engine.quota_headers import headroom, refilled


def test_the_scarcest_counts() -> None:
    """Requests, tokens: whichever is closest to its end; other vendors' names too."""
    openai = [
        ("x-ratelimit-limit-requests", "100"),
        ("x-ratelimit-remaining-requests", "90"),
        ("x-ratelimit-limit-tokens", "1000"),
        ("x-ratelimit-remaining-tokens", "250"),
    ]
    assert headroom(openai) == 0.25
    anthropic = [("anthropic-ratelimit-tokens-limit", "80"), ("anthropic-ratelimit-tokens-remaining", "8")]
    assert headroom(anthropic) == 0.1


def test_silence_and_nonsense_say_nothing() -> None:
    """None is not zero."""
    assert headroom([("content-type", "x")]) is None
    assert headroom([("x-ratelimit-limit-requests", "x"), ("x-ratelimit-remaining-requests", "1")]) is None
    assert headroom([("x-ratelimit-limit-requests", "0"), ("x-ratelimit-remaining-requests", "0")]) is None


def test_quotas_refill_within_the_minute() -> None:
    """Continuously, never above all of it."""
    assert refilled(0.0, 30) == 0.5
    assert refilled(0.5, 600) == 1.0
