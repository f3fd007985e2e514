"""Injected prompts nobody tuned a rule for: the set of the guard's golden tests that was held out."""

from __future__ import annotations

import random
from pathlib import Path

import yaml

HELD_OUT = Path(__file__).parents[2] / "tests/golden/guard/injection.sixth.yaml"


def attacks(luck: random.Random, count: int) -> list[str]:
    """So many of those a user would type, each once while they last."""
    texts = [one["text"] for one in yaml.safe_load(HELD_OUT.read_text())["attacks"] if one["trust"] == "user"]
    luck.shuffle(texts)
    return [texts[number % len(texts)] for number in range(count)]
