"""An audit trail nobody can edit unseen: each line names the digest of the one before, and the fleet's key seals it.

A line is one JSON object: ``seq`` counts from 1, ``event`` is what happened, ``prev`` the ``hash`` of the line before,
``hash`` the digest of this line without its own ``hash`` and ``seal``, ``seal`` its HMAC under the fleet's key (empty
without one). Cutting lines off the end is seen only by who knows how many there were.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

ZERO = "0" * 64
"""What the first line names as the one before."""

_ENCODE = msgspec.json.Encoder(order="sorted").encode
_TAIL = 1 << 20


class SealKey(bytes):
    """The key that seals now. Seals by the ones before it are good as well: keys are replaced, lines are not."""

    older: tuple[bytes, ...] = ()


def seal_key(sealing_key: str) -> SealKey:
    """The key of the seals, from the fleet's sealing keys (the first of several seals); empty without one."""
    parts = (part.strip() for part in sealing_key.split(","))
    keys = [hmac.new(part.encode(), b"tollhouse audit", hashlib.sha256).digest() for part in parts if part]
    made = SealKey(keys[0] if keys else b"")
    made.older = tuple(keys[1:])
    return made


def _digests(seq: int, event: Any, prev: str, key: bytes) -> tuple[str, str]:
    body = _ENCODE({"seq": seq, "event": event, "prev": prev})
    seal = hmac.new(key, body, hashlib.sha256).hexdigest() if key else ""
    return hashlib.sha256(body).hexdigest(), seal


class Chain:
    """The writing end. One per file."""

    def __init__(self, key: bytes = b"", seq: int = 0, last: str = ZERO) -> None:
        self._key = key
        self._seq = seq
        self._last = last

    @classmethod
    def resume(cls, path: Path, key: bytes = b"") -> Chain:
        """Goes on where a file ends; from the beginning when there is none, or its end cannot be read."""
        try:
            with path.open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - _TAIL))
                lines = file.read().splitlines()
        except FileNotFoundError:
            return cls(key)
        for line in reversed(lines):
            try:
                record = msgspec.json.decode(line)
                return cls(key, int(record["seq"]), str(record["hash"]))
            except (ValueError, KeyError, TypeError):
                continue  # a line that was cut by a crash
        return cls(key)

    def next(self, event: dict[str, Any]) -> bytes:
        """The line of an event, without its line end. Call ``keep`` once it is written."""
        seq = self._seq + 1
        digest, seal = _digests(seq, event, self._last, self._key)
        self._pending = (seq, digest)
        record = {"seq": seq, "event": event, "prev": self._last, "hash": digest, "seal": seal}
        return msgspec.json.encode(record)

    def keep(self) -> None:
        """The last line was taken: the next one follows it."""
        self._seq, self._last = self._pending


@dataclass(slots=True)
class Verified:
    """What a check of a file found."""

    lines: int = 0
    sealed: int = 0
    """Lines whose seal was checked with the key."""
    problems: list[str] = field(default_factory=list)


class Verifier:
    """The checking end: lines of one chain in order."""

    def __init__(self, key: bytes = b"") -> None:
        self._key = key
        self._older = key.older if isinstance(key, SealKey) else ()
        self._prev = ZERO
        self._seq = 0
        self.lines = 0
        self.sealed = 0

    def line(self, line: bytes) -> list[str]:
        """What is wrong with the next line."""
        try:
            record = msgspec.json.decode(line)
            number, event, before, digest = record["seq"], record["event"], record["prev"], record["hash"]
        except (ValueError, KeyError, TypeError):
            return ["no record of an audit trail"]
        self.lines += 1
        problems = []
        expected, seal = _digests(number, event, before, self._key)
        if digest != expected:
            problems.append("its content was changed")
        if before != self._prev or number != self._seq + 1:
            problems.append(f"does not follow the line before it (number {number} after {self._seq})")
        if self._key:
            shown = str(record.get("seal", "")).encode()
            seals = (seal, *(_digests(number, event, before, older)[1] for older in self._older))
            if any(hmac.compare_digest(shown, one.encode()) for one in seals):
                self.sealed += 1
            else:
                problems.append("its seal is not by this key")
        self._prev, self._seq = str(digest), number if isinstance(number, int) else 0
        return problems


def verify(lines: Iterable[bytes], key: bytes = b"") -> Verified:
    """Check every line's digest, seal, number and predecessor."""
    told = Verified()
    verifier = Verifier(key)
    for place, line in enumerate(lines, 1):
        if line.strip():
            told.problems += [f"line {place}: {problem}" for problem in verifier.line(line)]
    told.lines, told.sealed = verifier.lines, verifier.sealed
    return told
