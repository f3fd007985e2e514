"""How difficult a request looks, from 0 to 1: cheap signs, no model is asked. Published, so that it can be argued with.

Signs of the newest user message: its length, code, words that ask for thinking. Signs of the whole: the length of the
conversation, a forced output format, a request to reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_HARD = re.compile(
    r"\b(prove|derive|proof|theorem|optimi[sz]e|refactor|architect(?:ure)?|debug|root cause|race condition|deadlock|"
    r"concurren\w+|complexity|trade-?offs?|step by step|analy[sz]e|design|migrat\w+|security|vulnerab\w+|algorithm|"
    r"legal|contract|diagnos\w+|strategy|plan|compare)\b",
    re.IGNORECASE,
)
_EASY = re.compile(
    r"\b(classify|extract|translate|summari[sz]e|title|spell(?:ing)?|yes or no|one word|label|format|list|rename|"
    r"greet(?:ing)?|hello|thanks?)\b",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"```|\bdef \w+\(|\bclass \w+|\bfunction \w+\(|Traceback|\bSELECT\b.+\bFROM\b|#include|=>|\{\s*$", re.MULTILINE
)
_LOOKED_AT = 8000
"""Characters of the newest message that are looked at."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of a request without asking anybody."""

    newest: str
    """The newest user message."""
    input_tokens: int = 0
    messages: int = 1
    reasoning: bool = False
    """The client asks for thinking."""
    structured: bool = False
    """The client forces an output format."""


def difficulty(signs: Signs) -> float:
    """The score. A short question without any sign is about 0.1, a page of code to be refactored about 0.8."""
    text = signs.newest[:_LOOKED_AT]
    hard = min(3, len(_HARD.findall(text)))
    easy = min(2, len(_EASY.findall(text)))
    score = 0.1
    score += 0.2 * min(1.0, len(signs.newest) / 4000)
    score += 0.18 * hard - 0.1 * easy
    score += 0.15 if _CODE.search(text) else 0.0
    score += 0.1 * min(1.0, signs.input_tokens / 30_000)
    score += 0.05 * min(1.0, max(0, signs.messages - 2) / 20)
    score += 0.2 if signs.reasoning else 0.0
    score += 0.03 if signs.structured else 0.0
    return max(0.0, min(1.0, score))
