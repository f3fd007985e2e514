"""Makes the concept model's weights: ``python -m tools.steering [FOLDER ...]``, folders of further ordinary text."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Any

from tollhouse.dataplane.guarding.concepts import lexicon

from tools.steering.learning import DECAY, MOST, RATE, ROUNDS, Bag, bags, common, learn, word_bags
from tools.steering.texts import ROOT, TUNED, default_folders, in_the_midst, ordinary, tuned, written

TARGET = ROOT / "dataplane/tollhouse/dataplane/guarding/rules/concept_weights.json"
SCALE = 100
LEAST = 8
"""Weights smaller than this are left out."""
SHUT_OUT = 0.004
"""Share of the attacks learned from that the gate may keep from the model."""
WINDOWS = 40_000
"""Stretches of harmless text the gate learns from."""
ORDINARY = 3000
"""Ordinary files that are learned from."""
MIDST = 2
"""Times that an attack is learned within some other text."""
COMMON = 12
"""Stretches and texts in which a word must stand to count for the gate, half as many for a concept."""


def main(folders: Sequence[str]) -> None:
    """Learn and write."""
    told = made([*default_folders(), *map(Path, folders)], TUNED)
    TARGET.write_text(json.dumps(told, ensure_ascii=False, indent=0) + "\n")
    print(f"{len(told['weights'])} weights and {len(told['gate'])} words of the gate in {TARGET.name}")


def made(folders: Iterable[Path], sets: Sequence[str]) -> dict[str, Any]:
    """The weights learned from sets of cases, written lines, and ordinary files."""
    plain = ordinary(folders, ORDINARY)
    attacks = tuned("attacks", sets) + written("attacks", 8)
    weights, bias = _weights(
        attacks + in_the_midst(attacks, plain, MIDST), tuned("harmless", sets) * 2 + written("harmless", 14) + plain
    )
    attacks = tuned("attacks", sets) + written("attacks", 4)
    gate, limit = _gate(
        attacks + in_the_midst(attacks, plain, 1), tuned("harmless", sets) * 2 + written("harmless", 8) + plain
    )
    kept = {one: round(weight * SCALE) for one, weight in sorted(weights.items()) if abs(weight) * SCALE >= LEAST}
    return {
        "version": lexicon().version,
        "bias": round(bias * SCALE),
        "scale": SCALE,
        "gate_limit": limit,
        "gate": gate,
        "weights": kept,
    }


def _weights(attack_texts: Sequence[str], harmless_texts: Sequence[str]) -> tuple[dict[str, float], float]:
    attacks, harmless = list(map(bags, attack_texts)), list(map(bags, harmless_texts))
    known = common(attacks + harmless)
    examples = [
        (truth, [_known(bag, known) for bag in some])
        for truth, texts in ((1, attacks), (0, harmless))
        for some in texts
        if some
    ]
    return learn(examples, rounds=ROUNDS, rate=RATE, decay=DECAY, seed=1)


def _gate(attack_texts: Sequence[str], harmless_texts: Sequence[str]) -> tuple[dict[str, int], int]:
    """Weights of single words, and the sum from which a stretch is worth a closer look."""
    attacks = [some for some in map(word_bags, attack_texts) if some]
    harmless = [bag for text in harmless_texts for bag in word_bags(text)]
    random.Random(1).shuffle(harmless)
    counts = Counter(one for some in attacks for one in {one for bag in some for one in bag})
    counts.update(one for bag in harmless[:WINDOWS] for one in bag)
    known = {one for one, count in counts.items() if count >= (COMMON // 2 if one[0] == "*" else COMMON)}
    told = [[_known(bag, known) for bag in some] for some in attacks]
    examples: list[tuple[int, Sequence[Bag]]] = [(1, some) for some in told for _ in range(3)]
    examples += [(0, [_known(bag, known)]) for bag in harmless[:WINDOWS]]
    weights, _ = learn(examples, rounds=8, rate=0.3, decay=2e-3, seed=2)
    sums = sorted(max(_sum(weights, bag) for bag in some) for some in told)
    limit = sums[int(SHUT_OUT * len(sums))]
    print(f"the gate lets {sum(_sum(weights, bag) >= limit for bag in harmless) / len(harmless):.3f} of harmless pass")
    gate = {word: weights.get("*" + concept, 0.0) for word, concept in lexicon().words_by_concept()}
    for one, weight in weights.items():
        if one[0] != "*":
            gate[one] = gate.get(one, 0.0) + weight
    kept = {word: round(weight * SCALE) for word, weight in sorted(gate.items())}
    return {word: weight for word, weight in kept.items() if abs(weight) >= LEAST}, round(limit * SCALE)


def _known(bag: Bag, known: Container[str]) -> Bag:
    return {one: min(count, MOST) for one, count in bag.items() if one in known}


def _sum(weights: dict[str, float], bag: Bag) -> float:
    return sum(weights.get(one, 0.0) * count for one, count in bag.items())


if __name__ == "__main__":
    main(sys.argv[1:])
