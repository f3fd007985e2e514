"""A bounded queue that serves callers in turn: one who sends a thousand requests waits behind its own, not before
another's first."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class FairQueue(Generic[ItemT]):
    """Round robin over callers, first come first served within one."""

    __slots__ = ("_lines", "_size")

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[ItemT]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def push(self, who: str, item: ItemT, most: int) -> tuple[bool, ItemT | None]:
        """Queue up, with at most ``most`` waiting. Returns (queued, who had to leave for it): when the queue is full,
        the newest of whoever waits with the most gives way to a caller who waits with at least two fewer."""
        left: ItemT | None = None
        if self._size >= most:
            greedy = max(self._lines, key=lambda name: len(self._lines[name]), default="")
            mine = len(self._lines.get(who, ()))
            if not greedy or len(self._lines[greedy]) < mine + 2:
                return False, None
            left = self._lines[greedy].pop()
            self._size -= 1
        self._lines.setdefault(who, deque()).append(item)
        self._size += 1
        return True, left

    def pop(self) -> ItemT | None:
        """Whose turn it is; None when nobody waits."""
        while self._lines:
            who, line = next(iter(self._lines.items()))
            if not line:
                del self._lines[who]
                continue
            item = line.popleft()
            self._size -= 1
            if line:
                self._lines.move_to_end(who)
            else:
                del self._lines[who]
            return item
        return None

    def remove(self, who: str, item: ItemT) -> None:
        """Wait no longer; nothing happens when it is not there."""
        line = self._lines.get(who)
        if line is not None and item in line:
            line.remove(item)
            self._size -= 1
            if not line:
                del self._lines[who]
