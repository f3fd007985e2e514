"""Rules that are often woken together and seldom hit: one pass tells that none of them does. Linear time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import re2
from tollhouse.dataplane.guarding.packs import Rule
from tollhouse.dataplane.guarding.patterns import options

Woken = tuple[int, int, int]
"""A rule by its position, and from where to where it is to be looked for."""

_UNANCHORED = re2._Anchor.UNANCHORED


class Together:
    """The patterns of rules whose packs name them together, each family as one; a rule is known by its position."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        families: dict[tuple[str, tuple[str, ...]], list[int]] = {}
        for position, rule in enumerate(rules):
            for names in rule.pack.together:
                if not rule.text.companion and (rule.text.id in names or rule.text.group in names):
                    families.setdefault((rule.pack.id, names), []).append(position)
                    break
        self._family = [-1] * len(rules)
        self._any: list[Any] = []
        for positions in families.values():
            if len(positions) > 1:
                for position in positions:
                    self._family[position] = len(self._any)
                self._any.append(_any_of([rules[position].pattern for position in positions]))

    def sift(self, woken: list[Woken], data: bytes) -> list[Woken]:
        """What of the woken rules may still hit."""
        asked: dict[int, list[tuple[int, int]]] = {}
        for position, start, end in woken:
            family = self._family[position]
            if family >= 0:
                asked.setdefault(family, []).append((start, end))
        without = {family for family, spans in asked.items() if len(spans) > 1 and not self._hits(family, spans, data)}
        return [one for one in woken if self._family[one[0]] not in without] if without else woken

    def _hits(self, family: int, spans: list[tuple[int, int]], data: bytes) -> bool:
        merged: list[tuple[int, int]] = []
        for start, end in sorted(spans):
            if merged and merged[-1][1] >= start:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        if sum(end - start for start, end in spans) < 2 * sum(end - start for start, end in merged):
            return True  # it would cost as much as it spares
        match = self._any[family].Match
        return any(match(_UNANCHORED, data, start, end)[0][0] >= 0 for start, end in merged)


def _any_of(patterns: Sequence[Any]) -> Any:
    told = options(case=True)
    told.never_capture = True
    written = (f"(?:{one.pattern})" if one.options.case_sensitive else f"(?i:{one.pattern})" for one in patterns)
    return re2.compile("|".join(written), told)._regexp
