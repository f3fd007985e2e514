"""What a request shows of how difficult it is, whatever chat format it is in. Pure."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.prompt_text import last_user_texts, turn_count
from tollhouse.dataplane.engine.strategies.difficulty import Signs
from tollhouse.dataplane.errors import ClientError

_THOUGHTFUL = ("medium", "high", "xhigh", "max")
"""Efforts that ask for thinking."""


def signs_of(document: RequestDocument, size: int, *, structured: bool) -> Signs:
    """``size``: bytes of the body. ``structured``: it forces an output format. What cannot be read shows nothing."""
    try:
        newest = "\n".join(last_user_texts(document))
        return Signs(newest, size // 4, turn_count(document), _asks_for_thinking(document), structured)
    except ClientError:
        return Signs("")


def _asks_for_thinking(document: RequestDocument) -> bool:
    if document.get("reasoning_effort") in _THOUGHTFUL:  # OpenAI's chat completions
        return True
    for name in ("reasoning", "output_config"):  # OpenAI's responses, Anthropic's messages
        if _of(document.get(name), "effort") in _THOUGHTFUL:
            return True
    if _of(document.get("thinking"), "type") not in (None, "disabled"):
        return True
    config = document.get("generationConfig") or document.get("generation_config")
    thinking = _of(config, "thinkingConfig") or _of(config, "thinking_config")
    level = _of(thinking, "thinkingLevel") or _of(thinking, "thinking_level")
    budget = _of(thinking, "thinkingBudget") or _of(thinking, "thinking_budget")
    return (isinstance(level, str) and level.lower() in _THOUGHTFUL) or (isinstance(budget, int) and budget > 0)


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
