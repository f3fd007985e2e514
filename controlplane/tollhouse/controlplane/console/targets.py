"""Targets for the console: what the workers of all nodes know of each, what was tried on it, and what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from tollhouse.controlplane.console.prices import PriceList

SEVERITY = {"": -1, "closed": 0, "half_open": 1, "open": 2}

Used = Mapping[str, Mapping[str, Any]]


@dataclass(slots=True)
class _Target:
    """What is known of one target so far."""

    workers: set[tuple[str, int]] = field(default_factory=set)
    unwell: set[tuple[str, int]] = field(default_factory=set)
    pairs: dict[tuple[str, str], None] = field(default_factory=dict)
    """Provider and model, in the order they were found."""
    in_flight: int = 0
    waiting: int = 0
    first_bytes: list[float] = field(default_factory=list)
    breaker: str = ""
    forced: str = ""
    reason: str = ""
    retry_in_s: float = 0.0
    headroom: float | None = None

    def add(self, worker: tuple[str, int], told: Mapping[str, Any]) -> None:
        """What one worker knows of it, with one model."""
        self.workers.add(worker)
        if told["status"] != "healthy":
            self.unwell.add(worker)
        self.pairs[told["provider"], told["model"]] = None
        self.in_flight += told["in_flight"]
        self.waiting += told["waiting"]
        if told["first_byte_ms"]:
            self.first_bytes.append(told["first_byte_ms"])
        if SEVERITY[told["breaker"]] > SEVERITY[self.breaker]:
            self.breaker = told["breaker"]
        self.forced = self.forced or told["forced"]
        self.reason = self.reason or told["reason"]
        self.retry_in_s = max(self.retry_in_s, told["retry_in_s"])
        if told["headroom"] is not None:
            self.headroom = min(told["headroom"], 1.0 if self.headroom is None else self.headroom)

    def shown(self, lately: Iterable[tuple[str, str]], prices: PriceList) -> dict[str, Any]:
        """As JSON. ``lately``: provider and model of what was used, for a target that takes any model."""
        pairs = [pair for pair in self.pairs if pair[1]]
        open_to_any = {provider for provider, model in self.pairs if not model}
        pairs += [pair for pair in lately if pair[0] in open_to_any and pair not in pairs]
        known = self.first_bytes
        return {
            "workers": len(self.workers),
            "healthy": len(self.workers) - len(self.unwell),
            "in_flight": self.in_flight,
            "waiting": self.waiting,
            "first_byte_ms": round(sum(known) / len(known), 1) if known else None,
            "breaker": self.breaker,
            "forced": self.forced,
            "reason": self.reason,
            "retry_in_s": self.retry_in_s,
            "headroom": self.headroom,
            "providers": sorted({provider for provider, _ in self.pairs}),
            "models": [{"provider": one, "model": model, **prices.of(one, model)} for one, model in pairs],
        }


def target_views(health: Mapping[str, Any], used: Used, paid: Iterable[str], prices: PriceList) -> list[dict[str, Any]]:
    """One row per target: its breaker where it is worst, how many workers find it well, what was tried on it in the
    last hour, and what its models cost. ``paid``: provider/model of what was used."""
    found: dict[str, _Target] = {}
    for node, answer in health.items():
        for worker in answer.workers:
            for one in orjson.loads(worker.targets_json or b"[]"):
                found.setdefault(one["name"], _Target()).add((node, worker.worker), one)
    lately = [(provider, model) for provider, _, model in (one.partition("/") for one in paid)]
    done = {name: {"attempts": 0, "failures": 0, **row} for name, row in used.items()}
    return [
        {"attempts": 0, "failures": 0, **done.get(name, {}), "name": name}
        | found.get(name, _Target()).shown(lately, prices)
        for name in sorted(found.keys() | done.keys())
    ]
