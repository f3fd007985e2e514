"""What a guard found and did: collected in ``Exchange.state`` under ``VERDICTS``, and read by logs, metrics, audit."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

VERDICTS = "verdicts"
"""``Exchange.state`` key: the list of verdicts so far."""

MAX_VERDICTS = 200
"""Verdicts of one exchange that are kept; all are counted in the metrics. Blocks come on top of them."""

_TAINTED = "tainted"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision. Never holds the value it is about, only a keyed digest of it."""

    plugin: str
    rule: str
    """``secrets/openai.key``, or what a policy calls its rule."""
    group: str
    """``secrets.ai``: what metrics count by."""
    action: str
    """What was done: ``block``, ``redact``, ``mask``, ``flag``; for a shadow what would have been done."""
    direction: str
    """``input`` or ``output``."""
    path: str = ""
    """Where it stood: ``messages[3].content``."""
    role: str = ""
    trust: str = ""
    shadow: bool = False
    """Decided and told, nothing changed."""
    severity: str = ""
    score: int = 0
    """Of weighted packs."""
    pack_version: str = ""
    digest: str = ""
    """Keyed digest of the value: the same value gives the same digest on all nodes with the same key."""
    repeated: bool = False
    """Found in history that was judged before."""


def add_verdict(ex: Exchange, verdict: Verdict) -> None:
    """Put it to the others of this exchange. However many there are, what later decisions hang on is kept: a tool
    result must not hide an attack behind two hundred addresses."""
    verdicts = ex.state.setdefault(VERDICTS, [])
    if verdict.trust == "untrusted" and verdict.group.startswith("injection."):
        ex.state[_TAINTED] = True
    if len(verdicts) < MAX_VERDICTS or (verdict.action == "block" and len(verdicts) < 2 * MAX_VERDICTS):
        verdicts.append(verdict)


def is_tainted(ex: Exchange) -> bool:
    """Whether untrusted text of this conversation was found to hold an attack."""
    return _TAINTED in ex.state


def verdicts_of(ex: Exchange) -> list[Verdict]:
    """Those of an exchange, in the order they were made."""
    found: list[Verdict] = ex.state.get(VERDICTS, [])
    return found


def value_digest(key: bytes, value: str) -> str:
    """What stands for a value where the value itself must not."""
    return hmac.new(key, value.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:16]


def log_verdict(verdict: Verdict) -> dict[str, Any]:
    """As logs show it: what is empty is left out."""
    shown: dict[str, Any] = {"rule": verdict.rule, "action": verdict.action, "direction": verdict.direction}
    for name in ("path", "role", "trust", "score", "shadow", "repeated"):
        value = getattr(verdict, name)
        if value:
            shown[name] = value
    return shown
