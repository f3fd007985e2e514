"""A logistic regression on sparse counts, in plain Python and always with the same outcome."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from tollhouse.dataplane.guarding.concepts import STRETCH, features, lexicon

Bag = dict[str, int]
ROUNDS = 14
RATE = 0.35
DECAY = 2e-2
SEEN = 3
"""Texts in which a feature must stand to be learned."""
SHORT = 80
"""Words up to which every stretch of a text is learned from; of longer ones those with a few concepts."""
MOST = 2
"""Times that a feature counts in one stretch while learning."""


def bags(text: str) -> list[Bag]:
    """The features of every stretch of a text."""
    words = lexicon().words_of(text)
    concepts = lexicon().concepts_of(words)
    at_word: list[list[str]] = [[] for _ in words]
    for place, one in features(words, concepts):
        at_word[place].append(one)
    made = []
    for begin in starts(len(words)):
        told = sum(one is not None for one in concepts[begin : begin + STRETCH])
        if told >= 3 or len(words) <= SHORT:
            made.append(dict(Counter(one for some in at_word[begin : begin + STRETCH] for one in some)))
    return [bag for bag in made if bag]


def word_bags(text: str) -> list[Bag]:
    """The words of every stretch of a text and what they mean, as the gate counts them."""
    words = lexicon().words_of(text)
    told = [
        [word, f"*{concept}"] if concept else [word]
        for word, concept in zip(words, lexicon().concepts_of(words), strict=True)
    ]
    some = (Counter(one for ones in told[begin : begin + STRETCH] for one in ones) for begin in starts(len(words)))
    return [dict(bag) for bag in some if bag]


def starts(words: int) -> Iterator[int]:
    """Where stretches begin."""
    yield from range(0, max(1, words - STRETCH // 2), STRETCH // 2)


def common(texts: Sequence[Sequence[Bag]]) -> set[str]:
    """Features that stand in enough texts."""
    counts = Counter(one for bags_ in texts for one in {one for bag in bags_ for one in bag})
    return {one for one, count in counts.items() if count >= SEEN}


def learn(
    examples: Sequence[tuple[int, Sequence[Bag]]], *, rounds: int, rate: float, decay: float, seed: int
) -> tuple[dict[str, float], float]:
    """Weights and bias, the mean of the later rounds. Of an example only the strongest stretch by then teaches."""
    weights: dict[str, float] = defaultdict(float)
    squares: dict[str, float] = defaultdict(float)
    bias, bias_squares = -2.0, 1.0

    def told(bag: Bag) -> float:
        return bias + sum(weights[one] * count for one, count in bag.items())

    luck = random.Random(seed)
    order = list(examples)
    sums: dict[str, float] = defaultdict(float)
    bias_sum, later = 0.0, rounds // 2
    for number in range(rounds):
        luck.shuffle(order)
        for truth, some in order:
            bag = max(some, key=told)
            miss = 1 / (1 + math.exp(-max(-30.0, min(30.0, told(bag))))) - truth
            if abs(miss) < 0.02:
                continue
            for one, count in bag.items():
                slope = miss * count + decay * weights[one]
                squares[one] += slope * slope
                weights[one] -= rate * slope / math.sqrt(0.5 + squares[one])
            bias_squares += miss * miss
            bias -= rate * miss / math.sqrt(bias_squares)
        if number >= later:
            bias_sum += bias
            for one, weight in weights.items():
                sums[one] += weight
    return {one: summed / (rounds - later) for one, summed in sums.items()}, bias_sum / (rounds - later)
