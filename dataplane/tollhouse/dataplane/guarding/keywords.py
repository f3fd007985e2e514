"""Which rules a text wakes: one automaton finds the keywords in it, and a rule needs one of each of its lists."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

import re2
from tollhouse.dataplane.guarding.packs import Rule
from tollhouse.dataplane.guarding.patterns import options

NON_ASCII = "non-ascii"
"""The keyword of rules about signs beyond ASCII."""

_SLOTS = 3
"""Lists of keywords a rule may have."""


class Keywords:
    """The keywords of some rules; a rule is known by its position among them."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._keys: dict[str, int] = {}
        self._slots = tuple(_Slot() for _ in range(_SLOTS))
        for position, rule in enumerate(rules):
            lists = self._lists(rule)
            if len(lists) > _SLOTS:
                raise ValueError(f"rule {rule.id} has more than {_SLOTS} lists of keywords")
            for slot, keys in itertools.zip_longest(self._slots, lists):
                slot.add(1 << position, keys)
        self._non_ascii = self._keys.pop(NON_ASCII, len(self._keys))
        self._wide = len(rules)
        self._all = (1 << len(rules)) - 1
        self._always = self._side_by_side([slot.always for slot in self._slots])
        self._woken = [
            self._side_by_side([slot.woken.get(key, 0) for slot in self._slots])
            for key in range(self._non_ascii + len(self._keys) + 1)
        ]
        words = [key for key in self._keys if not key.startswith("re:")]
        # Words and small patterns apart: together their automaton would have a hundred times the states.
        self._sets = [
            one
            for one in (
                _key_set([(self._keys[key], re2.escape(key)) for key in words]),
                _key_set([(number, key[3:]) for key, number in self._keys.items() if key.startswith("re:")]),
            )
            if one is not None
        ]

    def _side_by_side(self, sets: Sequence[int]) -> int:
        """Sets of rules in one integer: one for each list of keywords."""
        return sum(some << place * self._wide for place, some in enumerate(sets))

    def _key(self, word: str) -> int:
        return self._keys.setdefault(word, len(self._keys))

    def _lists(self, rule: Rule) -> list[frozenset[int]]:
        words = rule.text.keywords
        flat = [word for word in words if isinstance(word, str)]
        lists = [frozenset(map(self._key, flat))] if flat else []
        return lists + [frozenset(map(self._key, some)) for some in words if not isinstance(some, str)]

    def woken(self, lowered: bytes, *, ascii_only: bool) -> list[int]:
        """The positions of the rules that a text in lower case wakes, in order."""
        found: list[int] = [] if ascii_only else [self._non_ascii]
        for keys, numbers in self._sets:
            matched = keys.Match(lowered)
            if matched:
                found += [numbers[one] for one in matched]
        said = reduce(or_, map(self._woken.__getitem__, found), self._always)
        left = said & said >> self._wide & said >> 2 * self._wide & self._all
        positions = []
        while left:  # sets of rules are the bits of integers
            lowest = left & -left
            positions.append(lowest.bit_length() - 1)
            left ^= lowest
        return positions


class _Slot:
    """The first, second or third list of keywords of all rules."""

    __slots__ = ("always", "woken")

    def __init__(self) -> None:
        self.always = 0
        """Rules that have no such list."""
        self.woken: dict[int, int] = {}
        """Key -> rules in whose list it stands."""

    def add(self, rule: int, keys: frozenset[int] | None) -> None:
        if keys is None:
            self.always |= rule
        for key in keys or ():
            self.woken[key] = self.woken.get(key, 0) | rule


def _key_set(keys: list[tuple[int, str]]) -> tuple[Any, list[int]] | None:
    """An automaton for some keys, and the number of each."""
    if not keys:
        return None
    made = re2.Set.SearchSet(options(case=True))
    for _, pattern in keys:
        made.Add(pattern)
    made.Compile()
    return made, [number for number, _ in keys]
