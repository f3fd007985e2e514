"""What the price table does not say of model families, kept by hand: abilities and output limits.

The first pattern that fits counts. An ability that is not listed is not known to be missing: only ``lacks`` excludes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Family:
    """Facts that hold for all models a pattern fits. 0 is unknown."""

    pattern: str
    max_output: int = 0
    has: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    context_window: int = 0


_FULL = frozenset({"tools", "vision", "structured_output"})
_TEXT = frozenset({"tools", "structured_output"})
_NO_VISION = frozenset({"vision"})
_NO_REASONING = frozenset({"reasoning"})
"""Refuses reasoning_effort or thinking: what a client of another format asks of it is left out, not sent."""
_BEGUN = _FULL | {"prefill"}
"""Goes on with an assistant message that stands last. Newer Claudes refuse it; OpenAI's models begin anew."""
_CHAT_LESS = frozenset({"tools", "vision", "structured_output"})

FAMILIES: tuple[Family, ...] = (
    Family("claude-2*", 4096, frozenset(), frozenset({"tools", "vision", "reasoning"}), 200_000),
    Family("claude-3-5-*", 8192, _BEGUN, _NO_REASONING, context_window=200_000),
    Family("claude-3-7-*", 64_000, _BEGUN, context_window=200_000),
    Family("claude-3-*", 4096, _BEGUN, _NO_REASONING, context_window=200_000),
    Family("claude-opus-4", 32_000, _BEGUN, context_window=200_000),
    Family("claude-opus-4-[012]*", 32_000, _BEGUN, context_window=200_000),
    Family("claude-opus-4-5*", 64_000, _BEGUN),
    Family("claude-sonnet-4", 64_000, _BEGUN),
    Family("claude-sonnet-4-[025]*", 64_000, _BEGUN),
    Family("claude-haiku-4-5*", 64_000, _BEGUN),
    Family("claude-opus-*", 64_000, _FULL),
    Family("claude-sonnet-*", 64_000, _FULL),
    Family("claude-haiku-*", 64_000, _FULL),
    Family("claude-*", 32_000, _FULL),
    Family("gpt-3.5*", 4096, _TEXT, _NO_VISION | _NO_REASONING, 16_385),
    Family("gpt-4-32k*", 8192, _TEXT, _NO_VISION | _NO_REASONING, 32_768),
    Family("gpt-4-turbo*", 4096, _FULL, _NO_REASONING, context_window=128_000),
    Family("gpt-4.1*", 32_768, _FULL, _NO_REASONING, context_window=1_047_576),
    Family("gpt-4o*", 16_384, _FULL, _NO_REASONING, context_window=128_000),
    Family("gpt-4", 8192, frozenset({"tools"}), _NO_VISION | _NO_REASONING, 8192),
    Family("gpt-4-0*", 8192, frozenset({"tools"}), _NO_VISION | _NO_REASONING, 8192),
    Family("gpt-oss*", 0, _TEXT, _NO_VISION, 131_072),
    Family("gpt-5*", 128_000, _FULL, context_window=400_000),
    Family("gpt-*", 0, _FULL),
    Family("o1-mini*", 65_536, frozenset(), _CHAT_LESS, 128_000),
    Family("o1-preview*", 32_768, frozenset(), _CHAT_LESS, 128_000),
    Family("o3-mini*", 100_000, _TEXT, _NO_VISION, 200_000),
    Family("o[134]*", 100_000, _FULL, context_window=200_000),
    Family("text-embedding-*", 0, frozenset(), _CHAT_LESS, 8191),
    Family("gemini-1*", 8192, _FULL),
    Family("gemini-*", 65_536, _FULL),
    Family("deepseek-*", 8192, _TEXT, _NO_VISION),
    Family("mistral-*", 0, _TEXT),
    Family("codestral-*", 0, _TEXT, _NO_VISION),
    Family("grok-*", 0, _TEXT),
    Family("llama-3*", 8192, _TEXT),
    Family("qwen*", 0, _TEXT),
)

UNKNOWN = Family("*")


_OF_BEDROCK = re.compile(r"^(?:[a-z-]+\.)?(?:anthropic|openai|mistral|deepseek|qwen|google)\.")
_POINT = re.compile(r"(?<=\d)\.(?=\d)")


def family(model: str) -> Family:
    """The family of a model name. What brokers and clouds write before it is looked through (``anthropic/claude-...``,
    ``us.anthropic.claude-...``), and so is how they write versions of Claude (``claude-3.5-sonnet``,
    ``claude-sonnet-4@20250514``)."""
    name = _OF_BEDROCK.sub("", model.rsplit("/", 1)[-1].lower())
    if name.startswith("claude"):
        name = _POINT.sub("-", name).replace("@", "-")
    for entry in FAMILIES:
        if fnmatchcase(name, entry.pattern):
            return entry
    return UNKNOWN
