"""How hard a model is to think, in OpenAI's words."""

from __future__ import annotations

import re

from tollhouse.dataplane.chat import Reasoning

_HARDEST = re.compile(r"(?:^|/)gpt-(?:5\.[2-9]|[6-9]|\d\d)")
"""Models that know more than ``high``."""


def effort_for(reasoning: Reasoning | None, model: str) -> str:
    """What an OpenAI model is told, which knows no ``max``, and ``xhigh`` in its later generations only."""
    effort = effort_of(reasoning)
    if effort not in ("max", "xhigh"):
        return effort
    return "xhigh" if _HARDEST.search(model) else "high"


def effort_of(reasoning: Reasoning | None) -> str:
    """``reasoning_effort``: the client's word, or what its token budget amounts to; empty to say nothing."""
    if reasoning is None:
        return ""
    if reasoning.effort:
        return reasoning.effort
    if reasoning.budget_tokens is not None:
        return "low" if reasoning.budget_tokens < 4096 else "medium" if reasoning.budget_tokens < 16384 else "high"
    return "medium" if reasoning.adaptive else ""
