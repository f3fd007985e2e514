"""What a request is charged on a token limit: an estimate to reserve before it, the true figure after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.engine.arithmetic import Formula, compute
from tollhouse.dataplane.engine.tokens import estimate

Strategy = Literal["total_tokens", "prompt_tokens", "completion_tokens", "expression", "requests"]

ASSUMED_OUTPUT = 1024
"""Output tokens reserved for a request that names no maximum."""


class Charge:
    """One strategy. Immutable; shared."""

    __slots__ = ("_formula", "strategy")

    def __init__(self, strategy: Strategy, formula: Formula | None = None) -> None:
        self.strategy = strategy
        self._formula = formula

    def reserve(self, body_bytes: int, max_tokens: int | None, choices: int = 1) -> int:
        """Units to take before the call; at least one."""
        if self.strategy == "requests":
            return 1
        output = (max_tokens if max_tokens is not None else ASSUMED_OUTPUT) * max(1, choices)
        return max(1, self._of(Usage(input_tokens=estimate(body_bytes), output_tokens=output)))

    def settle(self, usages: Sequence[Usage]) -> int:
        """Units the request truly cost, all attempts together. Reading a batch is no burst of all its tokens."""
        if self.strategy == "requests":
            return 1
        return sum([self._of(usage) for usage in usages if usage.special is None or usage.special.kept != "read"])

    def _of(self, usage: Usage) -> int:
        if self.strategy == "prompt_tokens":
            return usage.input_tokens
        if self.strategy == "completion_tokens":
            return usage.output_tokens
        if self.strategy == "expression" and self._formula is not None:
            return compute(self._formula, usage_names(usage))
        return usage.total_tokens


def usage_names(usage: Usage) -> dict[str, float]:
    """Usage under the names providers give it, OpenAI's and Anthropic's, for formulas. ``input_tokens`` is, as with
    OpenAI, everything read; Anthropic's own ``input_tokens`` leaves out what the cache gave."""
    written = usage.cache_write_tokens + usage.cache_write_1h_tokens
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "cache_creation_input_tokens": written,
        "reasoning_tokens": usage.reasoning_tokens,
    }
