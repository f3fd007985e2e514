"""Pattern text of packs to RE2: word macros, one letter of tolerance, and blanks that stand for any separation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import re2

_MACRO = re.compile(r"\{\{(~?)([\w ]+)\}\}")
_GAP = r"[\x00-/:-@\[-`{-\x{bf}\x{2000}-\x{206f}\x{2500}-\x{27bf}\x{3000}-\x{303f}]{1,6}"
"""Signs that are no letters or figures, by their ranges: Unicode's own classes make automata fifty times as large."""
_MEMORY = 64 << 20
"""Bytes RE2 may use for the states of one pattern or set, taken as needed."""

_MAX_NESTING = 8


def options(*, case: bool) -> Any:
    """RE2's options for a pattern."""
    made = re2.Options()
    made.max_mem = _MEMORY
    made.log_errors = False
    made.case_sensitive = case
    return made


def compile_pattern(pattern: str, words: Mapping[str, str], *, loose: bool, case: bool) -> Any:
    """A compiled pattern. Raises ValueError saying what RE2 does not take."""
    text = expand(pattern, words)
    try:
        return re2.compile(loosen(text) if loose else text, options(case=case))
    except re2.error as error:
        reason = error.args[0] if error.args else "invalid"
        raise ValueError(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from None


def expand(pattern: str, words: Mapping[str, str]) -> str:
    """``{{name}}`` is the macro of that name, ``{{~word}}`` the word with at most one letter wrong."""
    for _ in range(_MAX_NESTING):
        if "{{" not in pattern:
            return pattern
        pattern = _MACRO.sub(lambda found: _macro(found[1], found[2], words), pattern)
    raise ValueError("macros are nested too deeply")


def _macro(tolerant: str, name: str, words: Mapping[str, str]) -> str:
    if tolerant:
        return one_edit(name)
    if name not in words:
        raise ValueError(f"there is no macro {name!r}")
    return f"(?:{words[name]})"


def one_edit(word: str) -> str:
    """The word, or with one letter missing, added, changed or swapped with its neighbour; the first letter stands,
    as a word that begins differently is usually another word."""
    forms = [re.escape(word)]
    for place in range(1, len(word)):
        head, tail = word[:place], word[place:]
        forms.append(f"{head}[a-z0-9]?{tail[1:]}")
        forms.append(f"{head}[a-z0-9]{tail}")
        if len(tail) > 1:
            forms.append(f"{head}{tail[1]}{tail[0]}{tail[2:]}")
    return f"(?:{'|'.join(dict.fromkeys(forms))})"


def loosen(pattern: str) -> str:
    """Every blank outside a character class becomes any short run without letters and digits."""
    made: list[str] = []
    in_class = escaped = False
    for sign in pattern:
        if escaped:
            escaped = False
        elif sign == "\\":
            escaped = True
        elif in_class:
            in_class = sign != "]"
        elif sign == "[":
            in_class = True
        elif sign == " ":
            made.append(f"(?:{_GAP})")
            continue
        made.append(sign)
    return "".join(made)
