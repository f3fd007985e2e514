"""Rules on text: one automaton finds which keywords a text holds, only the rules they wake are run. Linear time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import re2
from tollhouse.dataplane.guarding.concepts import built_in_model, span_of
from tollhouse.dataplane.guarding.packs import Direction, Rule, Trust
from tollhouse.dataplane.guarding.patterns import options
from tollhouse.dataplane.guarding.views import View, views_of

PIECE = 64 << 10
"""Characters looked at in one go; a longer text is taken in pieces that overlap."""
OVERLAP = 4 << 10

MAX_HITS = 200
"""Hits of one rule in one piece: more would tell nothing new."""

_BLOCK = re2.compile("[A-Za-z0-9+/_-]{24}", options(case=True))
_SPACED = re2.compile("(?:[A-Za-z][ .*_|,/-]){6}", options(case=True))
"""What a text shows that may hold an encoded block, letters standing alone, or figures in place of letters."""

_FIGURED = re2.compile(
    "[A-Za-z]*[013457@$][A-Za-z][A-Za-z0-9@$!]*[ ,.;:!?\n]{1,3}"
    "(?:[A-Za-z]+[ ,.;:!?\n]{1,3})?[A-Za-z]*[013457@$][A-Za-z]",
    options(case=True),
)

DOUBTED = 0.0
"""Score of the concept model below which weighted hits count less."""
BRIEF = 60
"""Characters up to which a text has too few words to be doubted."""

_ALIKE = frozenset(("unescaped", "leet"))
ALIKE = 1500
"""Characters beyond which readings that hardly differ from the plain text are not weighed once more."""

_UNANCHORED = re2._Anchor.UNANCHORED

_SLOTS = 3
"""Lists of keywords a rule may have."""

NON_ASCII = "non-ascii"
"""The keyword of rules about signs beyond ASCII."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule's pattern in a text, confirmed. Positions are those of the raw text."""

    rule: Rule
    start: int
    end: int
    value: str
    """As the view shows it."""
    view: str
    quoted: bool = False
    """Stands in quotation marks in a text that talks about attacks."""
    doubted: bool = False
    """The concept model sees nothing of the kind in the text."""


class Matcher:
    """A selection of rules for one direction. Immutable but for RE2's own caches; may be shared by threads."""

    def __init__(self, rules: Iterable[Rule], direction: Direction) -> None:
        self.rules = [rule for rule in rules if direction in rule.text.directions]
        self._scored = any(rule.pack.scored for rule in self.rules)
        self._keys: dict[str, int] = {}
        self._slots = tuple(_Slot() for _ in range(_SLOTS))
        for position, rule in enumerate(self.rules):
            lists = self._lists(rule)
            if len(lists) > _SLOTS:
                raise ValueError(f"rule {rule.id} has more than {_SLOTS} lists of keywords")
            for slot, keys in itertools.zip_longest(self._slots, lists):
                slot.add(1 << position, keys)
        self._non_ascii = self._keys.pop(NON_ASCII, -1)
        words = [key for key in self._keys if not key.startswith("re:")]
        # Words and small patterns apart: together their automaton would have a hundred times the states.
        self._sets = [
            _key_set([(self._keys[key], re2.escape(key)) for key in words]),
            _key_set([(number, key[3:]) for key, number in self._keys.items() if key.startswith("re:")]),
        ]

    def _key(self, word: str) -> int:
        return self._keys.setdefault(word, len(self._keys))

    def _lists(self, rule: Rule) -> list[frozenset[int]]:
        words = rule.text.keywords
        flat = [word for word in words if isinstance(word, str)]
        lists = [frozenset(map(self._key, flat))] if flat else []
        return lists + [frozenset(map(self._key, some)) for some in words if not isinstance(some, str)]

    def find(self, text: str, trust: Trust, role: str = "") -> list[Hit]:
        """Every hit in every reading of the text, the first of several that say the same."""
        if len(text) <= PIECE:
            return self._find(text, trust, role)
        hits: list[Hit] = []
        for start in range(0, len(text), PIECE - OVERLAP):
            for hit in self._find(text[start : start + PIECE], trust, role):
                hits.append(Hit(hit.rule, hit.start + start, hit.end + start, hit.value, hit.view, hit.quoted))
        return distinct(hits)

    def _find(self, text: str, trust: Trust, role: str) -> list[Hit]:
        data = text.encode("utf-8", "replace")
        hits: list[Hit] = []
        encoded = _BLOCK.search(data) is not None
        spaced = _SPACED.search(data) is not None
        figured = self._scored and _FIGURED.search(data) is not None
        for view in views_of(text, encoded=encoded, spaced=spaced, figured=figured):
            if view.text is not text:
                data = view.text.encode("utf-8", "replace")
            companions = []
            steering: tuple[float, int] | None = None
            for position in self._candidates(self._keys_in(view.text, data)):
                rule = self.rules[position]
                text_of = rule.text
                if view.name == "leet" and not rule.pack.scored:
                    continue  # its figures are gone
                if (not text_of.trust or trust in text_of.trust) and role not in text_of.not_roles:
                    if text_of.companion:
                        companions.append(rule)
                    elif text_of.steering is not None:
                        if view.name in _ALIKE and len(view.text) > ALIKE:
                            continue
                        steering = steering or built_in_model().score(view.text)
                        if steering[0] >= text_of.steering:
                            hits.append(_steering_hit(rule, view, steering[1]))
                    else:
                        hits += _hits(rule, view, data)
            for rule in companions:
                if any(hit.rule.pack is rule.pack for hit in hits):
                    hits += _hits(rule, view, data)
            doubtful = steering is not None and steering[0] < DOUBTED and len(view.text) > BRIEF
            if doubtful and hits and view.text.isascii():
                hits = [replace(hit, doubted=True) if hit.rule.pack.scored else hit for hit in hits]
        return distinct(hits) if len(hits) > 1 else hits

    def _keys_in(self, text: str, data: bytes) -> set[int]:
        narrow = len(data) == len(text)
        lowered = data.lower() if narrow else text.lower().encode("utf-8", "replace")
        found: set[int] = set() if narrow else {self._non_ascii}
        for keys, numbers in self._sets:
            matched = keys.Match(lowered) if keys is not None else None
            if matched:
                found.update([numbers[one] for one in matched])
        return found

    def _candidates(self, keys: set[int]) -> list[int]:
        """The rules each of whose lists has a keyword among these; sets of rules are the bits of integers."""
        left = -1
        for slot in self._slots:
            woken = slot.always
            for mask in map(slot.woken.get, keys):
                if mask is not None:
                    woken |= mask
            left &= woken
            if not left:
                break
        positions = []
        while left:
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


def _key_set(keys: list[tuple[int, str]]) -> tuple[Any, list[int]]:
    """An automaton for some keys, and the number of each; None for none."""
    if not keys:
        return None, []
    made = re2.Set.SearchSet(options(case=True))
    for _, pattern in keys:
        made.Add(pattern)
    made.Compile()
    return made, [number for number, _ in keys]


def _hits(rule: Rule, view: View, data: bytes) -> Iterator[Hit]:
    match = rule.pattern._regexp.Match  # the public wrapper takes three times as long as most searches do
    size = len(data)
    at = count = 0
    while count < MAX_HITS and at <= size:
        spans = match(_UNANCHORED, data, at, size)
        if spans[0][0] < 0:
            return
        start, end = next((span for span in spans[1:] if span[0] >= 0), spans[0])
        at = end if end > at else spans[0][1] if spans[0][1] > at else at + 1
        value = data[start:end].decode("utf-8", "replace")
        if _holds(rule, value, data, start, end):
            count += 1
            yield _hit(rule, view, data, value, start)


def _steering_hit(rule: Rule, view: View, word: int) -> Hit:
    start, end = span_of(view.text, word)
    return Hit(rule, *view.span(start, end), view.text[start:end], view.name)


def _hit(rule: Rule, view: View, data: bytes, value: str, start: int) -> Hit:
    first = start if len(data) == len(view.text) else len(data[:start].decode("utf-8", "replace"))
    last = first + len(value)
    quoted = rule.pack.scored and is_quoted(view.text, first, last)
    raw_start, raw_end = view.span(first, last)
    return Hit(rule, raw_start, raw_end, value, view.name, quoted)


def _holds(rule: Rule, value: str, data: bytes, start: int, end: int) -> bool:
    """The checks a candidate must pass beyond the pattern."""
    context = rule.text.context
    if context is not None and (rule.unless is None or rule.unless.search(value) is None):
        before = " " + data[max(0, start - context.within) : start].decode("utf-8", "replace").lower()
        after = data[end : end + context.within // 3].decode("utf-8", "replace").lower()
        if not any(word in before or word in after for word in context.words):
            return False
    if rule.validator is not None and not rule.validator(value):
        return False
    return not any(pattern.search(value) for pattern in rule.allow)


def distinct(hits: list[Hit]) -> list[Hit]:
    """Of hits of one pack that overlap, the one whose rule comes first (rules go from special to general); hits of
    scored packs only yield to the same rule's, as they are weighed together."""
    kept: list[Hit] = []
    taken: dict[str, list[tuple[int, int]]] = {}
    for hit in sorted(
        hits, key=lambda one: (one.rule.text.id if one.rule.pack.scored else "", one.rule.place, one.start)
    ):
        owner = hit.rule.id if hit.rule.pack.scored else hit.rule.pack.id
        spans = taken.setdefault(owner, [])
        if all(hit.end <= start or hit.start >= end for start, end in spans):
            spans.append((hit.start, hit.end))
            kept.append(hit)
    return sorted(kept, key=lambda one: one.start)


# --- talk about attacks ----------------------------------------------------------------------------------------------

_QUOTES = "\"'`\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb"
_LISTED = re2.compile(r"\n\s*(?:[-*]|\d+[.)]) [^\n]*$", options(case=True))
"""Stands in a list."""
_TALK = re2.compile(
    r"prompt[- ]injection|jailbreak(?:s|ing)? (?:attempt|prompt|attack|technique)|attacker|adversarial|malicious|"
    r"such as|for example|for instance|e\.g\.|phrases? like|the (?:phrase|words|string|text|sentence|line|pattern)s?\b|"
    r"red.?team|owasp|vulnerab|detect|classif|filter(?:s|ing)? out|looks? like|assert|def test|test case|blocked|"
    r"denied|deny_?patterns|regex|no_match|guardrail|security (?:research|team|review|policy|training)|examples? of|"
    r"containing|that (?:says?|reads?)",
    options(case=False),
)


def is_quoted(text: str, start: int, end: int) -> bool:
    """Whether the span is a quotation in a text that talks about such texts."""
    before, after = text[max(0, start - 60) : start], text[end : end + 120]
    listed = _LISTED.search(before.encode("utf-8", "replace")) is not None
    if not listed and (not any(sign in before for sign in _QUOTES) or not any(sign in after for sign in _QUOTES)):
        return False
    around = text[max(0, start - 320) : start] + " " + after[:100]
    return _TALK.search(around.encode("utf-8", "replace")) is not None
