"""Guessing is slowed down by address and by how keys begin, in bounded memory, and owners stay in."""

from __future__ import annotations

from tollhouse.proto.guessing import BEGINNING, FREE_BY_ADDRESS, FREE_BY_BEGINNING, LONGEST_S, MOST, Guesses

KEY = "tlh-abcdefghijklmnopqrstuvwxyz"


def test_an_address_waits_longer_and_longer() -> None:
    """The first wrong keys are free, then the wait doubles up to a minute; a quiet while forgets them."""
    guesses, now = Guesses(), 100.0
    assert not guesses.any
    waits = []
    for number in range(FREE_BY_ADDRESS + 9):
        guesses.wrong("192.0.2.1", "short", f"mark {number}", now)
        waits.append(guesses.wait_s("192.0.2.1", "x", "mark", now))
        now += waits[-1]
    assert waits[:FREE_BY_ADDRESS] == [0.0] * FREE_BY_ADDRESS
    assert waits[FREE_BY_ADDRESS:] == [1, 2, 4, 8, 16, 32, LONGEST_S, LONGEST_S, LONGEST_S]
    assert guesses.wait_s("192.0.2.2", "x", "mark", now) == 0
    now += 121
    for _ in range(FREE_BY_ADDRESS * 2):  # somebody whose key is over, again and again
        guesses.wrong("192.0.2.1", "short", "the same", now)
    assert guesses.wait_s("192.0.2.1", "x", "mark", now) == 0


def test_a_beginning_waits_wherever_guesses_come_from() -> None:
    """And the key that was right lately goes on working."""
    guesses = Guesses()
    guesses.right("mark of the owner")
    for number in range(FREE_BY_BEGINNING + 1):
        guesses.wrong(f"198.51.100.{number}", f"{KEY[:BEGINNING]}{number:020d}", str(number), 5.0)
    assert guesses.wait_s("203.0.113.1", KEY, "another mark", 5.0) == 1.0
    assert guesses.wait_s("203.0.113.1", KEY, "mark of the owner", 5.0) == 0
    guesses.wrong("203.0.113.1", KEY, "mark of the owner", 5.0)
    assert guesses.wait_s("203.0.113.1", KEY, "mark of the owner", 5.0) == 2.0


def test_memory_is_bounded_and_ipv6_counts_by_64() -> None:
    """Rotating through one's own /64 is no way around."""
    guesses = Guesses()
    for number in range(MOST + 50):
        guesses.wrong(
            f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", f"{number:012d}{KEY}", f"wrong {number}", 1.0
        )
        guesses.right(str(number))
    assert len(guesses._addresses._kept) == len(guesses._beginnings._kept) == len(guesses._right) == MOST
    for number in range(FREE_BY_ADDRESS + 1):
        guesses.wrong(f"2001:db8:1:2::{number:x}", "short", f"six {number}", 1.0)
    assert guesses.wait_s("2001:db8:1:2:ffff::9", "x", "mark", 1.0) == 1.0
    assert guesses.wait_s("2001:db8:1:3::1", "x", "mark", 1.0) == 0
