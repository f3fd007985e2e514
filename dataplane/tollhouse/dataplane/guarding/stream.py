"""An answer judged as it comes: text is let go once nothing in it can still become a match, replaced where it must be.

What is held back is a suffix that may be the start of something: a run without blanks (a key, an address, one of our
marks), figures with blanks between them, a name that promises a secret, an unfinished link. Ordinary words wait for
the blank behind them, no longer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tollhouse.dataplane.guarding.edits import Edit, merged, splice
from tollhouse.dataplane.guarding.inspector import Finding

HELD = 400
"""Characters that are held back at most, unless a private key has begun."""
CONTEXT = 160
"""Characters already let go that are looked at again, for telling words before a number."""

_BEFORE = 72
"""Characters before the last word that may belong to the same match."""
_OPEN = re.compile(
    r"(?:(?:\+|\()?\d[\d ().\-/]{0,40}"
    r"|(?:password|passwd|passwort|secret|token|api[_ -]?key|bearer|basic|key|pass|login)[\"'`]?"
    r"\s{0,3}(?:is|[:=]|=>)?\s{0,3}"
    r"|!?\[[^\]\n]{0,60}(?:\]\(?)?"
    r"|\b[A-Za-z]{2}\d{2}(?: [A-Za-z0-9]{1,4}){0,8} ?"
    r"|\b\d{1,2}(?:st|nd|rd|th)? [A-Za-z]{3,10} ?"
    r"|\b[a-z0-9._-]{2,40} ?[\[(]?at[\])]? ?)\Z",
    re.IGNORECASE,
)
_MAX_PEM = 16_000
_PEM_BEGIN = "-----BEGIN"
_PEM_END = re.compile(r"-----END [^-\n]{0,60}-----")

Judge = Callable[[str], Sequence[Finding]]
Replace = Callable[[Finding], str | None]
"""What shall stand for a finding; None leaves it. May raise to end the stream."""


def _word_start(text: str, end: int) -> int:
    """Where the word that ends (or goes on) at a position begins."""
    return max(text.rfind(" ", 0, end), text.rfind("\n", 0, end), text.rfind("\t", 0, end)) + 1


class Window:
    """The text of one part of an answer. ``feed`` takes more, and gives the length of what is cleared in total;
    ``take`` gives it as it may be shown."""

    __slots__ = ("_before", "_judge", "_pending", "_replace", "_restore", "cleared")

    def __init__(self, judge: Judge, replace: Replace, restore: Callable[[str], str]) -> None:
        self._judge = judge
        self._replace = replace
        self._restore = restore
        self._pending = ""
        self._before = ""
        self.cleared = 0
        """Characters of the original text that were let go, in total."""

    @property
    def held(self) -> int:
        """Characters that wait."""
        return len(self._pending)

    def feed(self, text: str) -> tuple[int, str, str]:
        """More text. Returns how many characters are let go now, what they were, and what shall be shown for them."""
        self._pending += text
        return self._release(self._safe())

    def close(self) -> tuple[int, str, str]:
        """The part is over: the rest."""
        return self._release(len(self._pending))

    def _safe(self) -> int:
        """How much may be let go: nothing from a private key's beginning to behind its end."""
        pending = self._pending
        cut = self._open_from(pending)
        begun = pending.rfind(_PEM_BEGIN)
        if begun < 0 or begun >= cut or len(pending) - begun > _MAX_PEM:
            return cut
        end = _PEM_END.search(pending, begun)
        return cut if end is not None and end.end() <= cut else begun

    @staticmethod
    def _open_from(pending: str) -> int:
        """Where the suffix begins that may be the start of something."""
        word = _word_start(pending, len(pending))
        while word < len(pending) and not pending[word:].isascii():
            word += 1  # scripts without blanks are not held
        word = max(word, len(pending) - HELD)
        before = pending[max(0, word - _BEFORE) : word]
        open_ = _OPEN.search(before) if before else None
        return word if open_ is None else _word_start(pending, word - len(before) + open_.start())

    def _release(self, count: int) -> tuple[int, str, str]:
        if count <= 0:
            return 0, "", ""
        whole, self._pending = self._pending[:count], self._pending[count:]
        shown = self._shown(whole)
        self._before = (self._before + whole)[-CONTEXT:]
        self.cleared += count
        return count, whole, shown

    def _shown(self, whole: str) -> str:
        offset = len(self._before)
        edits = []
        for finding in self._judge(self._before + whole):
            if finding.end <= offset:
                continue
            shown = self._replace(finding)
            if shown is not None:
                edits.append(Edit(max(0, finding.start - offset), finding.end - offset, shown))
        return self._restore(splice(whole, merged(edits)) if edits else whole)
