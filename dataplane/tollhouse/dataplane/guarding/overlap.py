"""How much of a known text (the system prompt) another text (the answer) repeats word by word."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)")
RUN = 8
"""Words that are compared at once."""
LEAK = 30
"""Words in a row from which a repetition is no accident."""


@lru_cache(maxsize=256)
def shingles(text: str) -> frozenset[int]:
    """Every run of eight words, as numbers. Empty when the text is too short to leak."""
    words = _WORD.findall(text.lower())
    if len(words) < LEAK:
        return frozenset()
    return frozenset(hash(tuple(words[at : at + RUN])) for at in range(len(words) - RUN + 1))


class Overlap:
    """Watches one growing text for long runs of words from known texts. Belongs to one answer."""

    __slots__ = ("_in_json", "_known", "_rest", "_run", "_words", "longest")

    def __init__(self, known: frozenset[int], *, in_json: bool = False) -> None:
        self._known = known
        self._in_json = in_json
        self._words: list[str] = []
        self._rest = ""
        self._run = 0
        self.longest = 0
        """Words in a row that were repeated, so far."""

    def feed(self, text: str) -> bool:
        """More of the text; True once it repeats too much."""
        text = self._rest + text
        cut = max(text.rfind(" "), text.rfind("\n")) + 1  # the last word may go on
        if self._in_json:
            cut = max(cut, text.rfind("\\n") + 2) if "\\n" in text else cut
        self._rest = text[cut:][-200:]
        whole = text[:cut]
        if self._in_json and "\\" in whole:  # an escape has no blank inside
            whole = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", whole)
        for word in _WORD.findall(whole.lower()):
            self._words.append(word)
            if len(self._words) < RUN:
                continue
            if hash(tuple(self._words[-RUN:])) in self._known:
                self._run = self._run + 1 if self._run else RUN
                self.longest = max(self.longest, self._run)
            else:
                self._run = 0
            del self._words[:-RUN]
        return self.longest >= LEAK

    def close(self) -> bool:
        """The text is over."""
        return self.feed(" ")
