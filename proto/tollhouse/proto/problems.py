"""How a mistake in a config is reported: where it is, what it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake (or remark) in a config. Problems are collected and shown all at once, never raised one by one."""

    where: str
    """Path of the field, e.g. ``routes/agent-testing.plugins.ai-proxy.auth``; empty for the document as a whole."""

    what: str
    """What came and what was expected, in one sentence."""

    hint: str = ""
    """What to do about it; empty when ``what`` already says so."""

    severity: Severity = "error"
    """``error`` stops a write, ``warning`` and ``note`` are shown with its answer."""

    file: str = ""
    """The document's file name, when it came from a file."""

    line: int = 0
    """Line in that file, counted from 1; 0 when unknown."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file and self.line else f"{self.file}: " if self.file else ""
        where = f"{self.where}: " if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.severity}: {where}{self.what}{hint}"


def errors_only(problems: list[Problem]) -> list[Problem]:
    """Those that stop a write."""
    return [problem for problem in problems if problem.severity == "error"]
