"""Why an answer of Google's ended, and whether it is one."""

from __future__ import annotations

import re
from typing import Any

from tollhouse.dataplane.chat import FinishReason

_FINISH_IN: dict[str, FinishReason] = {  # for any other reason there may be no answer
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MALFORMED_FUNCTION_CALL": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MALFORMED_RESPONSE": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
}
_FINISH_OUT: dict[FinishReason, str] = {
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
    "error": "OTHER",
}
_DOUBTFUL = re.compile(rb'"finishReason":\s*"(?!STOP"|MAX_TOKENS")')


def read_finish(value: Any, *, called: bool) -> FinishReason:
    """Why the answer ended; an unknown word counts as ``stop``."""
    reason = _FINISH_IN.get(value, "stop") if isinstance(value, str) else "stop"
    return "tool_calls" if called and reason == "stop" else reason


def broken_off(value: Any, *, called: bool, answered: bool) -> str:
    """What is wrong with an answer that ended for this reason; empty when nothing is. A call the model spoilt is not
    in the answer, so that an agent would take what is left for the end of its work."""
    if not isinstance(value, str) or not value:
        return ""
    spoilt = not called and _FINISH_IN.get(value) == "error"
    nothing = not answered and value not in _FINISH_IN
    return f"the model ended with {value[:64]} and without an answer" if spoilt or nothing else ""


def write_finish(reason: FinishReason) -> str:
    """``finishReason``; calls end with STOP in this format."""
    return _FINISH_OUT.get(reason, "STOP")


def may_be_broken_off(raw: bytes) -> bool:
    """Whether an answer that passes untouched has to be looked at: it did not end as nearly all do. A byte search."""
    return _DOUBTFUL.search(raw) is not None
