"""Rules on text: one automaton finds which keywords a text holds, only the rules they wake are run. Linear time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import re2
from tollhouse.dataplane.guarding.concepts import built_in_model, span_of
from tollhouse.dataplane.guarding.keywords import Keywords
from tollhouse.dataplane.guarding.packs import Direction, Rule, Trust
from tollhouse.dataplane.guarding.quoting import is_quoted
from tollhouse.dataplane.guarding.together import Together, Woken
from tollhouse.dataplane.guarding.views import View, views_of

PIECE = 64 << 10
"""Characters looked at in one go; a longer text is taken in pieces that overlap."""
OVERLAP = 4 << 10

WINDOW = 2 << 10
"""Bytes in which a rule's keywords must stand together: far more than any sentence."""
MARGIN = 512
"""Bytes from one window to the next that both look at."""
LONGEST = 16 << 10
"""Bytes that a match may have beyond its window."""

MAX_HITS = 200
"""Hits of one weighted rule in one go: more would tell nothing new."""

DOUBTED = -0.5
"""Score of the concept model below which weighted hits count less."""
BRIEF = 60
"""Characters up to which a text has too few words to be doubted."""

GATED = 500
"""Characters beyond which the model's gate is asked though weighted rules have hit."""

_ALIKE = frozenset(("unescaped", "leet"))
ALIKE = 1500
"""Characters beyond which readings that hardly differ from the plain text are not weighed once more."""

_UNANCHORED = re2._Anchor.UNANCHORED


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
        minded = [rule for rule in rules if direction in rule.text.directions]
        self.rules = [rule for rule in minded if rule.text.steering is None]
        self._steering = [rule for rule in minded if rule.text.steering is not None]
        self._scored = any(rule.pack.scored for rule in minded)
        self._keywords = Keywords(self.rules)
        self._together = Together(self.rules)

    def find(self, text: str, trust: Trust, role: str = "", *, weighed: bool = True) -> list[Hit]:
        """Every hit in every reading of the text, the first of several that say the same; ``weighed``: hits of scored
        packs are of interest."""
        weighed = weighed and self._scored
        if len(text) <= PIECE:
            return self._find(text, trust, role, weighed)
        hits: list[Hit] = []
        for start in range(0, len(text), PIECE - OVERLAP):
            for hit in self._find(text[start : start + PIECE], trust, role, weighed):
                hits.append(replace(hit, start=hit.start + start, end=hit.end + start))
        return distinct(hits)

    def _find(self, text: str, trust: Trust, role: str, weighed: bool) -> list[Hit]:
        data = text.encode("utf-8", "replace")
        hits: list[Hit] = []
        for view in views_of(text, leet=weighed):
            if view.text is not text:
                data = view.text.encode("utf-8", "replace")
            found: list[Hit] = []
            companions = []
            for position, start, end in self._together.sift(self._woken(view.text, data), data):
                rule = self.rules[position]
                if rule.pack.scored if not weighed else view.name == "leet" and not rule.pack.scored:
                    continue  # nobody asks, or its figures are gone
                if _minds(rule, trust, role):
                    if rule.text.companion:
                        companions.append((rule, start, end))
                    else:
                        found += _hits(rule, view, data, start, end)
            steers, found = self._weighed(view, trust, role, found) if weighed else (True, found)
            for rule, start, end in companions:
                if any(hit.rule.pack is rule.pack for hit in (*found, *hits)):
                    beside = list(_hits(rule, view, data, start, end))
                    found += beside if steers else map(_doubted, beside)
            hits += found
        return distinct(hits) if len(hits) > 1 else hits

    def _weighed(self, view: View, trust: Trust, role: str, found: list[Hit]) -> tuple[bool, list[Hit]]:
        """The hits with what the concept model says: hits of its own, or that it doubts the others."""
        if not self._steering or (view.name in _ALIKE and len(view.text) > ALIKE):
            return True, found
        scored = any(hit.rule.pack.scored for hit in found)
        score, word = built_in_model().score(view.text, gated=not scored or len(view.text) > GATED)
        for rule in self._steering:
            if score >= (rule.text.steering or 0) and _minds(rule, trust, role):
                found.append(_steering_hit(rule, view, word))
        if score >= DOUBTED or len(view.text) <= BRIEF or not view.text.isascii():
            return True, found
        return False, list(map(_doubted, found))

    def _woken(self, text: str, data: bytes) -> list[Woken]:
        """The rules whose keywords a view holds close to one another, and from where to where to look."""
        size = len(data)
        ascii_only = size == len(text)
        lowered = data.lower() if ascii_only else text.lower().encode("utf-8", "replace")
        if size <= WINDOW + MARGIN or len(lowered) != size:
            return [(position, 0, size) for position in self._keywords.woken(lowered, ascii_only=ascii_only)]
        spans: dict[int, list[tuple[int, int]]] = {}
        for start in range(0, size - MARGIN, WINDOW):
            end = min(start + WINDOW + MARGIN, size)
            for position in self._keywords.woken(lowered[start:end], ascii_only=ascii_only):
                reach = self.rules[position].text.reach
                begin, until = max(0, start - reach), min(size, end + reach)
                known = spans.setdefault(position, [])
                if known and known[-1][1] >= begin:
                    known[-1] = (known[-1][0], until)
                else:
                    known.append((begin, until))
        return [(position, *span) for position in sorted(spans) for span in spans[position]]


def _hits(rule: Rule, view: View, data: bytes, at: int, until: int) -> Iterator[Hit]:
    match = rule.pattern._regexp.Match  # the public wrapper takes three times as long as most searches do
    size = len(data)
    left = MAX_HITS if rule.pack.scored else size
    while left and at <= until:
        spans = match(_UNANCHORED, data, at, until)
        if spans[0][0] < 0:
            return
        if spans[0][1] == until < size:  # it may go on
            spans = match(_UNANCHORED, data, spans[0][0], min(size, until + LONGEST))
            if spans[0][0] < 0:
                return
        start, end = next((span for span in spans[1:] if span[0] >= 0), spans[0])
        at = end if end > at else spans[0][1] if spans[0][1] > at else at + 1
        value = data[start:end].decode("utf-8", "replace")
        if _holds(rule, value, data, start, end):
            left -= 1
            yield _hit(rule, view, data, value, start)


def _minds(rule: Rule, trust: Trust, role: str) -> bool:
    """Whether the rule is for text of this trust and role."""
    return (not rule.text.trust or trust in rule.text.trust) and role not in rule.text.not_roles


def _doubted(hit: Hit) -> Hit:
    return replace(hit, doubted=True) if hit.rule.pack.scored else hit


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
        spans = taken.setdefault(owner, [])  # in order, none overlaps another
        place = bisect_left(spans, (hit.end, 0))
        if place == 0 or spans[place - 1][1] <= hit.start:
            spans.insert(place, (hit.start, hit.end))
            kept.append(hit)
    return sorted(kept, key=lambda one: one.start)
