"""How hard a model is to think, in OpenAI's words."""

from __future__ import annotations

from tollhouse.dataplane.chat import Reasoning


def effort_of(reasoning: Reasoning | None) -> str:
    """``reasoning_effort``: the client's word, or what its token budget amounts to; empty to say nothing."""
    if reasoning is None:
        return ""
    if reasoning.effort:
        return reasoning.effort
    if reasoning.budget_tokens is not None:
        return "low" if reasoning.budget_tokens < 4096 else "medium" if reasoning.budget_tokens < 16384 else "high"
    return "medium" if reasoning.adaptive else ""
