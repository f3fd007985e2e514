"""How likely a text tries to steer a model, from what its words mean and how they stand together. Linear time.

Words become concepts (``rules/concepts.yaml``); every concept, and every two or three that follow one another closely,
has a weight (``rules/concept_weights.json``, a logistic regression made by ``make concepts``). A text scores as its
strongest stretch does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from itertools import accumulate, repeat, zip_longest
from math import log
from operator import add
from typing import Any

import msgspec
import re2
import yaml
from tollhouse.dataplane.guarding.patterns import options

STRETCH = 24
"""Words that are weighed together."""
STEP = 6
"""Words from one stretch to the next."""
STEM = 7
"""Letters of a word that are looked at: endings differ."""
NEAR = 7
"""Words between two concepts that count as standing together."""
LONGER = 0.4
"""Taken off a score with each e-fold of length: the more stretches, the likelier one is odd by chance."""
AGAIN = 18
"""Words after which a word or concept counts once more."""
NOTHING = -9.0
"""The score of a text that says nothing."""

_Told = tuple[int, int]
"""A weight, and the number of its feature."""
_NONE: dict[str, _Told] = {}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else 32 for code in range(256))
"""ASCII as words read it: lower case, and blanks for whatever parts words."""
_WORD = re.compile(r"[^\W_]+")
_DENSE = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
"""Scripts without blanks, or with endings that blanks do not part."""


class Lexicon:
    """Which words stand for which concept."""

    def __init__(self, source: bytes) -> None:
        told = yaml.load(source, Loader=_LOADER)
        self.version = str(told["version"])
        self._of: dict[str, str] = {}
        for concept, words in told["words"].items():
            for word in str(words).lower().split():
                self._of.setdefault(word, concept)
        signs = {sign: concept for concept, some in told["signs"].items() for sign in some}
        for sign, concept in signs.items():
            self._of[sign.lower()] = concept
        longest = sorted(signs, key=len, reverse=True)
        self._signs = re2.compile(f"({'|'.join(map(re2.escape, longest))})", options(case=False))

    def words_of(self, text: str) -> list[str]:
        """The words of a text, lower case; of scripts without blanks the known signs and what is between them."""
        if text.isascii():
            return text.encode().translate(_PLAIN).decode().split()
        if _DENSE.search(text):
            text = self._signs.sub(r" \1 ", text)
        return _WORD.findall(text.lower())

    def concepts_of(self, words: Sequence[str]) -> list[str | None]:
        """What each word means."""
        return list(map(self._of.get, words))

    def words_by_concept(self) -> Iterator[tuple[str, str]]:
        """Every word with its concept."""
        return iter(self._of.items())


def features(words: Sequence[str], concepts: Sequence[str | None]) -> list[tuple[int, str]]:
    """What is weighed about a text, each with the number of the word at which it stands: its words, pairs of words one
    of which means something, its concepts, and which of them follow which closely."""
    stems = [word[:STEM] for word in words]
    found = list(enumerate(stems))
    add = found.append
    placed = [(place, one) for place, one in enumerate(concepts) if one]
    last, size, count = -1, len(stems) - 1, len(placed)
    for at, (place, one) in enumerate(placed):
        stem = stems[place]
        if place and last != place - 1:
            add((place, f"{stems[place - 1]} {stem}"))
        if place < size:
            add((place, f"{stem} {stems[place + 1]}"))
        last = place
        add((place, "*" + one))
        between = ""
        for following in range(at + 1, min(at + 6, count)):
            next_place, other = placed[following]
            if next_place - place > NEAR:
                break
            add((place, f"*{one} {other}"))
            if between and between != one:
                add((place, f"*{one} {between} {other}"))
            between = between or other
    return found


class Model:
    """A lexicon with weights, and a gate that spares what is far from steering."""

    def __init__(self, lexicon: Lexicon, told: dict[str, Any]) -> None:
        self._lexicon = lexicon
        self._bias: int = told["bias"]
        self._scale: int = told["scale"]
        self._gate: dict[str, int] = told["gate"]
        self._limit: int = told["gate_limit"]
        self._weights = _Weights(told["weights"])

    def score(self, text: str, *, gated: bool = True) -> tuple[float, int]:
        """The logarithm of the odds that the strongest stretch steers, and the word at which that begins."""
        words = self._lexicon.words_of(text)
        size = len(words)
        if size < STRETCH:
            return self._strongest(words)[0] / self._scale, 0
        best, where = NOTHING * self._scale, 0
        for begin, end in self._regions(words) if gated else ((0, size),):
            total, place = self._strongest(words[begin:end])
            if total > best:
                best, where = total, begin + place
        return best / self._scale - LONGER * log(size / STRETCH), where

    def _regions(self, words: Sequence[str]) -> list[tuple[int, int]]:
        """Where words stand densely enough that may steer."""
        size = len(words)
        limit, half = self._limit, STRETCH // 2
        heights = map(self._gate.get, words, repeat(0))
        halves = list(map(sum, zip_longest(*[heights] * half, fillvalue=0)))
        rises = list(map(add, halves[: size // half], [*halves[1:], 0]))
        if max(rises) < limit:
            return []
        found: list[tuple[int, int]] = []
        for place, rise in enumerate(rises):
            if rise >= limit:
                begin, end = place * half, min(place * half + STRETCH, size)
                if found and found[-1][1] >= begin:
                    found[-1] = (found[-1][0], end)
                else:
                    found.append((begin, end))
        return found

    def _strongest(self, words: Sequence[str]) -> tuple[float, int]:
        size = len(words)
        at_word = self._weights.at_words(words, self._lexicon.concepts_of(words))
        sums = list(accumulate(at_word, initial=0))
        best, where = NOTHING * self._scale, 0
        for begin in range(0, max(1, size - STRETCH + STEP), STEP):
            total = self._bias + sums[min(begin + STRETCH, size)] - sums[begin]
            if total > best:
                best, where = total, begin
        return best, where


class _Weights:
    """The weights of ``features``, laid out so that a text is weighed without making their names."""

    def __init__(self, weights: dict[str, int]) -> None:
        self._one: dict[str, int] = {}
        self._two: dict[str, dict[str, _Told]] = {}
        self._concept: dict[str, _Told] = {}
        self._concepts: dict[str, dict[str, _Told]] = {}
        self._three: dict[str, dict[str, dict[str, _Told]]] = {}
        for number, (name, weight) in enumerate(weights.items()):
            parts = name.removeprefix("*").split(" ")
            told = weight, number
            if len(parts) == 3:
                self._three.setdefault(parts[0], {}).setdefault(parts[1], {})[parts[2]] = told
            elif len(parts) == 2:
                (self._concepts if name[0] == "*" else self._two).setdefault(parts[0], {})[parts[1]] = told
            elif name[0] == "*":
                self._concept[parts[0]] = told
            else:
                self._one[parts[0]] = weight

    def at_words(self, words: Sequence[str], concepts: Sequence[str | None]) -> list[int]:
        """What the features at each word weigh together; what comes again soon counts once."""
        stems = [word[:STEM] for word in words]
        at_word = list(map(self._one.get, stems, repeat(0)))
        if len(set(stems)) < len(stems):
            before: dict[str, int] = {}
            for place, stem in enumerate(stems):
                if place - before.get(stem, -STRETCH) <= AGAIN:
                    at_word[place] = 0
                before[stem] = place
        last: dict[int, int] = {}
        for place, told in self._together(stems, concepts):
            weight, number = told
            if place - last.get(number, -STRETCH) > AGAIN:
                at_word[place] += weight
            last[number] = place
        return at_word

    def _together(self, stems: Sequence[str], concepts: Sequence[str | None]) -> list[tuple[int, _Told]]:
        """What has a weight of pairs of words, concepts, and concepts that follow one another, with its place."""
        found: list[tuple[int, _Told]] = []
        say = found.append
        placed = [(place, one) for place, one in enumerate(concepts) if one]
        two, before, end = self._two.get, -1, len(stems) - 1
        for at, (place, one) in enumerate(placed, 1):
            stem = stems[place]
            if place and before != place - 1 and (pair := two(stems[place - 1])) and (told := pair.get(stem)):
                say((place, told))
            if place < end and (pair := two(stem)) and (told := pair.get(stems[place + 1])):
                say((place, told))
            before = place
            if told := self._concept.get(one):
                say((place, told))
            pairs, threes, between = self._concepts.get(one, _NONE), self._three.get(one), ""
            reach = place + NEAR
            for next_place, other in placed[at : at + 5]:
                if next_place > reach:
                    break
                if told := pairs.get(other):
                    say((place, told))
                if not between:
                    between = other
                elif threes and between != one and (some := threes.get(between)) and (told := some.get(other)):
                    say((place, told))
        return found


def span_of(text: str, begin: int) -> tuple[int, int]:
    """Where a stretch stands in its text, about."""
    start = end = -1
    for place, word in enumerate(_WORD.finditer(text)):
        if place == begin:
            start = word.start()
        if place >= begin:
            end = word.end()
        if place >= begin + STRETCH:
            break
    return (0, len(text)) if start < 0 else (start, end)


def _data(name: str) -> bytes:
    return resources.files(__package__).joinpath("rules", name).read_bytes()


@cache
def lexicon() -> Lexicon:
    """The lexicon that comes with the gateway."""
    return Lexicon(_data("concepts.yaml"))


@cache
def built_in_model() -> Model:
    """The model that comes with the gateway."""
    told = msgspec.json.decode(_data("concept_weights.json"))
    return Model(lexicon(), told)
