"""What a simulator received and how it answered: the memory behind ``GET /_log``."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Entry:
    """One request."""

    number: int
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    """Parsed when it is JSON, else the text."""
    status: int = 0
    stream: bool = False
    ended: str = "running"
    """``complete``, ``error``, ``cut`` (we hung up) or ``client left``."""
    pieces_sent: int = 0
    billed: dict[str, int] = field(default_factory=dict)
    """Tokens a real provider would have charged for."""
    started: float = 0.0
    duration_s: float = 0.0


class Log:
    """The last requests, oldest first, and sums over all of them since the last clearing."""

    def __init__(self, capacity: int = 1000) -> None:
        self._entries: deque[Entry] = deque(maxlen=capacity)
        self.requests = 0
        self.billed: dict[str, int] = {}

    def add(self, entry: Entry) -> None:
        """Remember a request when it arrives; it is filled in as it is answered."""
        self.requests += 1
        self._entries.append(entry)

    def bill(self, entry: Entry, tokens: dict[str, int]) -> None:
        """Charge an answered request."""
        entry.billed = tokens
        for name, amount in tokens.items():
            self.billed[name] = self.billed.get(name, 0) + amount

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self.requests = 0
        self.billed = {}

    @property
    def entries(self) -> list[Entry]:
        """The remembered requests, oldest first."""
        return list(self._entries)

    def as_json(self) -> dict[str, Any]:
        """What ``GET /_log`` answers."""
        return {
            "requests": self.requests,
            "billed": self.billed,
            "entries": [asdict(entry) for entry in self._entries],
        }
