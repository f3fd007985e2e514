"""What a caller who asks for it is told in headers: who was considered and why, and what each attempt did."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from tollhouse.dataplane.dispatch.replies.answers import safe
from tollhouse.dataplane.exchange import Attempt, ExplainTarget

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

HEADER = "x-tollhouse-explain"
_MOST = 16


def wants_explanation(ex: Exchange, allowed: bool | list[str]) -> bool:
    """Whether the request asks why, and its caller may know."""
    asked = ex.headers.get(HEADER)
    if not asked or asked.lower() in ("0", "false", "no"):
        return False
    if isinstance(allowed, bool):
        return allowed
    return any(fnmatchcase(ex.consumer_name, pattern) for pattern in allowed)


def explain_headers(told: Iterable[ExplainTarget], attempts: Iterable[Attempt]) -> list[tuple[str, str]]:
    """``x-tollhouse-explain-<n>`` per target, ranked ones first, and ``x-tollhouse-attempt-<n>`` per attempt."""
    lines = [
        (f"{HEADER}-{number}", safe(f"{f'#{one.rank}' if one.rank else 'out'} {one.name} ({one.model}): {one.reason}"))
        for number, one in enumerate(list(told)[:_MOST], 1)
    ]
    lines += [
        (f"x-tollhouse-attempt-{number}", safe(_attempt(one))) for number, one in enumerate(list(attempts)[:_MOST], 1)
    ]
    return lines


def _attempt(one: Attempt) -> str:
    told = f"{one.target} ({one.model})"
    until = one.ended_s if one.ended_s is not None else one.first_byte_s
    after = f" after {until - one.started_s:.3f} s" if until is not None else ""
    if one.failure is not None:
        status = f" {one.failure.status}" if one.failure.status else ""
        return f"{told}: {one.failure.kind}{status} (the {one.failure.fault}'s fault){after}"
    if one.status:
        return f"{told}: answered {one.status}{after}"
    return f"{told}: given up{after}"
