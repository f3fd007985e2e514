"""Makes the concept model's weights: ``python -m tools.steering [FOLDER ...]``, folders of further ordinary text."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tollhouse.dataplane.guarding.concepts import lexicon

from tools.steering.learning import DECAY, MOST, RATE, ROUNDS, Bag, bags, common, concept_bags, learn
from tools.steering.texts import ROOT, default_folders, ordinary, tuned, written

TARGET = ROOT / "dataplane/tollhouse/dataplane/guarding/rules/concept_weights.json"
SCALE = 100
LEAST = 6
"""Weights smaller than this are left out."""
SHUT_OUT = 0.1
"""Share of the attacks the gate may keep from the model."""


def main(folders: Sequence[str]) -> None:
    """Learn and write."""
    plain = ordinary([*default_folders(), *map(Path, folders)], 4000)
    weights, bias = _weights(plain)
    gate, limit = _gate(plain[:1500])
    kept = {one: round(weight * SCALE) for one, weight in sorted(weights.items()) if abs(weight) * SCALE >= LEAST}
    told = {
        "version": lexicon().version,
        "bias": round(bias * SCALE),
        "scale": SCALE,
        "gate_limit": limit,
        "gate": gate,
        "weights": kept,
    }
    TARGET.write_text(json.dumps(told, ensure_ascii=False, indent=0) + "\n")
    print(f"{len(kept)} weights in {TARGET.name}")


def _weights(plain: Sequence[str]) -> tuple[dict[str, float], float]:
    attacks = [bags(text) for text in tuned("attacks") + written("attacks", 8)]
    harmless = [bags(text) for text in tuned("harmless") * 2 + written("harmless", 14) + list(plain)]
    known = common(attacks + harmless)
    examples = [
        (truth, [{one: min(count, MOST) for one, count in bag.items() if one in known} for bag in some])
        for truth, texts in ((1, attacks), (0, harmless))
        for some in texts
        if some
    ]
    return learn(examples, rounds=ROUNDS, rate=RATE, decay=DECAY, seed=1)


def _gate(plain: Sequence[str]) -> tuple[dict[str, int], int]:
    """Weights of single concepts, and the sum from which a stretch is worth a closer look."""
    attacks = [some for some in map(concept_bags, tuned("attacks") + written("attacks", 3)) if some]
    harmless = [bag for text in tuned("harmless") + written("harmless", 2) + list(plain) for bag in concept_bags(text)]
    examples: list[tuple[int, Sequence[Bag]]] = []
    for _ in range(4):
        examples += [(1, some) for some in attacks]
    examples += [(0, [bag]) for bag in harmless[:: max(1, len(harmless) // 20_000)]]
    weights, _ = learn(examples, rounds=8, rate=0.3, decay=2e-3, seed=2)
    sums = sorted(max(_sum(weights, bag) for bag in some) for some in attacks)
    limit = sums[int(SHUT_OUT * len(sums))]
    print(f"the gate lets {sum(_sum(weights, bag) >= limit for bag in harmless) / len(harmless):.3f} of harmless pass")
    return {one: round(weight * SCALE) for one, weight in sorted(weights.items())}, round(limit * SCALE)


def _sum(weights: dict[str, float], bag: Bag) -> float:
    return sum(weights.get(one, 0.0) * count for one, count in bag.items())


if __name__ == "__main__":
    main(sys.argv[1:])
