"""Talk about attacks: whether a hit is a quotation in a text that speaks of such texts."""

from __future__ import annotations

import re2
from tollhouse.dataplane.guarding.patterns import options

_QUOTES = "\"'`\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb"
_LISTED = re2.compile(r"\n\s*(?:[-*]|\d+[.)]) [^\n]*$", options(case=True))
"""Stands in a list."""
_TALK = re2.compile(
    r"prompt[- ]injection|jailbreak(?:s|ing)? (?:attempt|prompt|attack|technique)|attacker|adversarial|malicious|"
    r"such as|for example|for instance|e\.g\.|phrases? like|the (?:phrase|words|string|text|sentence|line|pattern)s?\b|"
    r"red.?team|owasp|vulnerab|detect|classif|filter(?:s|ing)? out|looks? like|assert|def test|test case|blocked|"
    r"denied|deny_?patterns|regex|no_match|guardrail|security (?:research|team|review|policy|training)|examples? of|"
    r"containing|that (?:says?|reads?)|(?:block|deny|black|banned?)[ _-]?(?:list|words|phrases|patterns)|payloads?\b|"
    r"injection[ _-]?(?:tests?|cases?|samples?|patterns?)|\bexpect(?:ed|s)?\b|\bcases:|\bpatterns?\b|"
    r"flag(?:s|ged)? (?:as|by|it|texts?|inputs?)",
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
