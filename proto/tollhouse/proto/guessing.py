"""Slows down guessing of keys: by the address it comes from, and by how the guessed keys begin. Pure, bounded.

After some wrong keys within a minute a subject has to wait, twice as long after each further wrong key, a minute at
most; while it waits, nothing it presents is looked at. Keys that were right lately go on working meanwhile, so that a
neighbour behind the same address, or who knows how a key begins, cannot shut its owner out. And a wrong key that comes
again is no further guess: it is somebody whose key is over, and who does not know.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from functools import lru_cache

WINDOW_S = 60.0
"""Wrong keys older than this are forgotten."""
LONGEST_S = 60.0
FREE_BY_ADDRESS = 10
"""Wrong keys within the window before an address has to wait."""
FREE_BY_BEGINNING = 50
"""Of keys that begin alike, from wherever they come."""
BEGINNING = 12
"""So many characters say who is meant; shorter keys than twice that have no beginning worth counting."""
MOST = 4096
"""Addresses, beginnings and right keys remembered; the oldest are forgotten first."""


class _Subjects:
    """Wrong keys of one kind of subject: how many, when the last came, until when it waits."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._kept: OrderedDict[str, tuple[int, float, float]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._kept)

    def wait_s(self, subject: str, now: float) -> float:
        found = self._kept.get(subject)
        return 0.0 if found is None else max(0.0, found[2] - now)

    def wrong(self, subject: str, now: float) -> None:
        count, last, until = self._kept.pop(subject, (0, now, 0.0))
        # A wait is no merit: the window begins where it ends.
        count = 1 if now - max(last, until) > WINDOW_S else count + 1
        over = count - self._free
        until = now + min(2.0 ** min(over - 1, 10), LONGEST_S) if over > 0 else 0.0
        self._kept[subject] = (count, now, until)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)


class Guesses:
    """What was tried lately. One per process; times are monotonic seconds."""

    def __init__(self) -> None:
        self._addresses = _Subjects(FREE_BY_ADDRESS)
        self._beginnings = _Subjects(FREE_BY_BEGINNING)
        self._right: OrderedDict[str, None] = OrderedDict()
        self._wrong: OrderedDict[str, None] = OrderedDict()

    @property
    def any(self) -> bool:
        """Whether there is anything to look up: false while nobody presents wrong keys."""
        return bool(self._addresses)

    def wait_s(self, address: str, key: str, mark: str, now: float) -> float:
        """How long this caller has to wait before its key is looked at; 0: not at all. ``mark`` stands for the key (its
        digest)."""
        if mark in self._right:
            return 0.0
        longest = self._addresses.wait_s(_subject(address), now) if address else 0.0
        if len(key) >= 2 * BEGINNING:
            longest = max(longest, self._beginnings.wait_s(key[:BEGINNING], now))
        return longest

    def wrong(self, address: str, key: str, mark: str, now: float) -> None:
        """The key is none."""
        self._right.pop(mark, None)
        if mark in self._wrong:
            return
        _keep(self._wrong, mark)
        if address:
            self._addresses.wrong(_subject(address), now)
        if len(key) >= 2 * BEGINNING:
            self._beginnings.wrong(key[:BEGINNING], now)

    def right(self, mark: str) -> None:
        """The key is one."""
        if mark not in self._right:
            self._wrong.pop(mark, None)
            _keep(self._right, mark)


def _keep(marks: OrderedDict[str, None], mark: str) -> None:
    marks[mark] = None
    if len(marks) > MOST:
        marks.popitem(last=False)


@lru_cache(maxsize=1024)
def _subject(address: str) -> str:
    """An IPv6 customer has a whole /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address
