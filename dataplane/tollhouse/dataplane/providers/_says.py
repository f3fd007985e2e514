"""What vendors' error documentation says, as data: an answer like this means that kind of failure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tollhouse.dataplane.engine.failure_kinds import KINDS
from tollhouse.dataplane.errors import FailureClass


@dataclass(frozen=True, slots=True)
class Says:
    """One line of it. All that is named here must hold; the first line that does decides."""

    kind: str
    """One of ``engine.failure_kinds``."""
    at: tuple[int, ...] = ()
    """HTTP statuses; empty: any."""
    tags: tuple[str, ...] = ()
    """Types, codes, statuses or reasons in the error document, any of them, whole. Lower case."""
    words: tuple[str, ...] = ()
    """Parts of its sentence, any of them. Lower case."""
    beside: str = ""
    """A part of the sentence that must be there as well."""
    again: bool = False
    """It is over in a moment: the same target is asked once more before the next one is."""

    def holds(self, status: int, tags: frozenset[str], words: str) -> bool:
        """Whether an answer is meant."""
        if self.at and status not in self.at:
            return False
        if self.tags and tags.isdisjoint(self.tags):
            return False
        return (not self.words or any(part in words for part in self.words)) and self.beside in words


_BY_STATUS: Mapping[int, str] = {
    401: "auth",
    402: "quota",
    403: "no_access",  # of keys that are dead most vendors say so, or answer 401
    404: "not_found",
    408: "timeout",
    413: "too_large",
    424: "server_error",
    429: "rate_limited",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}

COMMON = (
    Says(
        "content_refused",
        (400, 403, 413, 422),
        words=(
            *("content_filter", "content_policy", "content policy", "content management policy", "safety system"),
            *("responsibleaipolicyviolation", "usage policy", "usage policies", "data_inspection_failed"),
            "output blocked by content filtering",
        ),
    ),
    Says(
        "context_too_long",
        (400, 413, 422),
        words=(
            *("context_length_exceeded", "maximum context length", "context window", "prompt is too long"),
            *("input is too long", "too many tokens", "exceeds the model's context", "exceed context limit"),
            *("reduce the length of the messages", "string_above_max_length"),
        ),
    ),
    Says("not_found", (400, 404), words=("previous_response_not_found",)),  # another account may have made it
    Says("quota", (403,), words=("billing",)),  # of 429 it proves nothing: limits per minute name it as well
    Says("quota", (400,), words=("plans & billing", "billing details", "enable billing", "billing account")),
    Says("quota", (400, 403, 429), tags=("insufficient_quota",)),
    Says("quota", (400, 403, 429), words=("credit balance", "insufficient balance", "insufficient credits")),
    Says("auth", (400, 403), tags=("invalid_api_key", "authentication_error")),
    Says("auth", (400, 403), words=("incorrect api key", "invalid x-api-key", "api key not valid")),
    Says("not_found", (400,), words=("model_not_found", "model not found", "no such model", "unknown model")),
    Says("not_found", (400,), words=("does not exist",), beside="model"),
    Says(
        "overloaded",
        (429, 500, 502),
        words=("overloaded", "engine is currently", "at capacity", "service_unavailable"),
    ),
    Says("server_error", (409, 425), again=True),  # somebody else has the lock, or it came too early
)
"""What vendors who have no line of their own for it mean, and what brokers pass on."""


_SHUTS = frozenset({"auth", "quota"})
"""Kinds that shut the whole account for everybody. Of a sentence only the vendor's own words prove them, not what it
quotes, which may be a tool's name as an agent wrote it; nor single words, which may stand there without quotes."""
_QUOTED = re.compile(
    r"""(?<!\w)'[^'\n]*'(?!\w)|"[^"\n]*"|`[^`\n]*`|\u201c[^\u201d\n]*\u201d|\u2018[^\u2019\n]*\u2019"""
)


def meaning(said: Iterable[Says], status: int, tags: frozenset[str], words: str) -> tuple[FailureClass, str]:
    """Class and kind of an error. ``said``: the vendor's own lines, which come first."""
    if status < 400:
        return "next", "invalid_reply"
    for lines in (said, COMMON):
        for one in lines:
            told = _QUOTED.sub(" ", words) if one.kind in _SHUTS and one.words else words
            if one.holds(status, tags, told):
                return ("retry" if one.again else KINDS[one.kind].failure_class), one.kind
    kind = _BY_STATUS.get(status, "server_error" if status >= 500 else "bad_request")
    return KINDS[kind].failure_class, kind
