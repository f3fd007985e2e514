"""Names and paths of fields in JSON, as policies write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fnmatch import translate


class Fields:
    """Which fields a rule is about, compiled."""

    def __init__(self, patterns: Sequence[str]) -> None:
        globs = [_folded(glob_of(one)) for one in patterns]
        self._names = _any_of([one for one in globs if "." not in one])
        self._paths = _any_of([one for one in globs if "." in one])

    def name(self, steps: tuple[str, ...]) -> bool:
        """Whether the field at this path is one of them."""
        if self._names is not None and self._names.fullmatch(_folded(steps[-1])):
            return True
        return self._paths is not None and bool(self._paths.fullmatch("." + _folded(".".join(steps))))


def glob_of(pattern: str) -> str:
    """A pattern of a field as a glob: a name, or a path that begins with a dot. Raises ValueError for a JSON path with
    positions, filters or slices."""
    if not pattern.startswith("$"):
        return f".{pattern}" if "." in pattern else pattern
    plain = re.sub(r"\[\s*(['\"])([^'\"\]]+)\1\s*\]", r".\2", pattern[1:].replace("[*]", ""))
    if "[" in plain or "]" in plain or not re.fullmatch(r"\.{1,2}[^.]+(\.{1,2}[^.]+)*", plain):
        raise ValueError(f"{pattern!r}: of JSON path $.name, $..name, ['name'], * and [*] are taken")
    steps = plain.lstrip(".")
    if plain.startswith("..") and "." not in steps:
        return steps
    return ("*." if plain.startswith("..") else ".") + steps.replace("..", ".*")


def _any_of(globs: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(translate(one) for one in globs)) if globs else None


def _folded(text: str) -> str:
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()
