"""How difficult a request looks."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.engine.strategies.difficulty import Signs, difficulty

EASY = [
    "Hello!",
    "Translate 'good morning' to French.",
    "Classify this review as positive or negative: great product",
    "Extract the date from: meeting on 3 May",
]
HARD = [
    "Refactor this module and explain the trade-offs step by step:\n```python\ndef f(x):\n    return x\n```",
    "Prove that the algorithm terminates and analyse its complexity.",
    "Debug this race condition:\nTraceback (most recent call last):\n  File 'a.py'",
]


@pytest.mark.parametrize("text", EASY)
def test_small_work_scores_low(text: str) -> None:
    """Short, plain, mechanical."""
    assert difficulty(Signs(text)) <= 0.2


@pytest.mark.parametrize("text", HARD)
def test_thinking_work_scores_high(text: str) -> None:
    """Code and words that ask for thought."""
    assert difficulty(Signs(text)) >= 0.45


def test_every_sign_adds_and_the_score_stays_within_bounds() -> None:
    """Length, history, tools of thought."""
    base = difficulty(Signs("Explain."))
    assert difficulty(Signs("Explain. " * 500)) > base
    assert difficulty(Signs("Explain.", input_tokens=30_000)) > base
    assert difficulty(Signs("Explain.", messages=30)) > base
    assert difficulty(Signs("Explain.", reasoning=True)) > base
    assert difficulty(Signs(HARD[0] * 500, 10**6, 100, True, True)) <= 1.0
    assert difficulty(Signs("classify extract translate title list")) >= 0.0
