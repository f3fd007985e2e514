"""Asking a judge outside the gateway: which texts, one bounded HTTP call, a breaker, and verdicts remembered."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.guarding.segments import items_of, segments_of
from tollhouse.dataplane.services import Clock
from tollhouse.dataplane.transport import Origin, Timeouts, Transport, TransportError, UpstreamRequest

Failure = Literal["timeout", "error", "unparsable"]

ANSWER_LIMIT = 1 << 20
REMEMBERED = 5_000
FAILURES = 5
"""Failures in a row after which a judge is left alone."""
PAUSE_S = 10.0


class Unjudged(Exception):
    """The judge gave no verdict."""

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(reason)
        self.failure: Failure = failure


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a judge says about some texts."""

    flagged: bool
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """A text with its speaker: ``user``, ``tool``, ``system`` or ``assistant``."""

    role: str
    text: str


def texts_of(document: RequestDocument, roles: Iterable[str], *, last: bool) -> list[Said]:
    """What the request says by these roles; ``last``: only what came after the model's last answer. Raises ValueError
    for what cannot be read."""
    wanted, found = frozenset(roles), list[Said]()
    for item in items_of(document):
        said = [Said(_role(one.role), one.text) for one in segments_of(item) if one.kind != "joint"]
        if last and _speaker(item.raw) in ("assistant", "model"):
            found = [one for one in found if one.role == "system"]
        found += [one for one in said if one.role in wanted]
    return found


def _speaker(raw: bytes) -> str:
    value = msgspec.json.decode(raw)
    role = value.get("role") if isinstance(value, dict) else None
    return role if isinstance(role, str) else ""


def _role(role: str) -> str:
    return {"tool_definition": "system", "tool_call": "assistant", "reasoning": "assistant"}.get(role, role)


def address_of(url: str, *, verify: bool = True) -> tuple[Origin, str]:
    """Origin and request target of an address. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ValueError("expected an address like https://host:port/path, without user and password")
    secure = parts.scheme == "https"
    origin = Origin("https" if secure else "http", parts.hostname, parts.port or (443 if secure else 80), verify=verify)
    path = parts.path or "/"
    return origin, f"{path}?{parts.query}" if parts.query else path


async def call(
    transport: Transport,
    origin: Origin,
    target: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    timeout_s: float,
) -> Any:
    """The JSON a judge answers with. Raises Unjudged."""
    patience = Timeouts(timeout_s, timeout_s, timeout_s, timeout_s, timeout_s)
    try:
        response = await transport.send(UpstreamRequest("POST", origin, target, headers, body, patience))
        try:
            raw = await response.read(ANSWER_LIMIT)
        finally:
            response.close()
    except TransportError as error:
        raise Unjudged("timeout" if error.timed_out else "error", error.message) from None
    if response.status != 200:
        raise Unjudged("error", f"the judge answered {response.status}")
    return read_json(raw)


def read_json(raw: bytes) -> Any:
    """What a judge said. Raises Unjudged."""
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        raise Unjudged("unparsable", "the judge's answer is no JSON") from None


class Moderator:
    """Remembers rulings, and leaves a judge alone that fails again and again. One per plugin and worker."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._memory: OrderedDict[bytes, Ruling] = OrderedDict()
        self._failures = 0
        self._last: Failure = "error"
        self._closed_until = 0.0

    async def ask(self, said: Sequence[Said], judge: Callable[[Sequence[Said]], Awaitable[Ruling]]) -> Ruling:
        """Raises Unjudged."""
        key = _key(said)
        known = self._memory.get(key)
        if known is not None:
            return known
        now = self._clock.monotonic()
        if now < self._closed_until:
            raise Unjudged(self._last, "the judge failed again and again; it is left alone for a while")
        try:
            ruling = await judge(said)
        except Unjudged as error:
            # A text may make a judge talk nonsense: that must not turn the choice for one failure into another's.
            if error.failure != "unparsable":
                self._failures, self._last = self._failures + 1, error.failure
                if self._failures >= FAILURES:
                    self._closed_until = self._clock.monotonic() + PAUSE_S
            raise
        self._failures = 0
        self._memory[key] = ruling
        if len(self._memory) > REMEMBERED:
            self._memory.popitem(last=False)
        return ruling


def _key(said: Sequence[Said]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for one in said:
        for part in (one.role.encode(), one.text.encode("utf-8", "replace")):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()
