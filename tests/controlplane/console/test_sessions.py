"""A session is what an admin key gives, for a time, to pages of ours only."""

from __future__ import annotations

import pytest
from tollhouse.controlplane.access import Access, AdminKey
from tollhouse.controlplane.console.sessions import LONGEST_S, MOST_FAILURES, Sessions
from tollhouse.controlplane.service.refusal import Refusal

ADMIN, VIEWER = "an-admin-key-of-the-tests", "a-viewer-key-of-the-tests"
KEYS = (AdminKey.of(ADMIN, "admin", "ops"), AdminKey.of(VIEWER, "viewer", "look"))


class Clock:
    """Time that is told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_cookie_stands_for_its_key_until_it_is_over() -> None:
    """On any control plane that knows the key; the cookie does not hold it."""
    clock = Clock()
    session, cookie = Sessions(Access(KEYS), clock).begin(ADMIN)
    assert ADMIN not in cookie
    other = Sessions(Access(KEYS), clock)
    read = other.read(cookie)
    assert (read.key.name, read.csrf, read.may_write) == ("ops", session.csrf, True)
    clock.now += LONGEST_S + 1
    with pytest.raises(Refusal, match="sign in"):
        other.read(cookie)


def test_what_was_tampered_with_or_whose_key_is_gone_is_no_session() -> None:
    """Somebody else's name, another key under the same name, garbage."""
    _, cookie = Sessions(Access(KEYS)).begin(VIEWER)
    text, _, signature = cookie.partition(".")
    admin = Sessions(Access(KEYS)).begin(ADMIN)[1].partition(".")[0]
    changed = (AdminKey.of("another-key-of-the-tests", "viewer", "look"),)
    for sessions, bad in (
        (Sessions(Access(KEYS)), f"{admin}.{signature}"),
        (Sessions(Access(changed)), cookie),
        (Sessions(Access(())), cookie),
        (Sessions(Access(KEYS)), text),
        (Sessions(Access(KEYS)), "x.y"),
        (Sessions(Access(KEYS)), None),
    ):
        with pytest.raises(Refusal):
            sessions.read(bad)


def test_writes_need_the_sessions_token_and_a_key_that_may_write() -> None:
    """A cookie alone is what another site's form would send."""
    sessions = Sessions(Access(KEYS))
    admin, viewer = sessions.begin(ADMIN)[0], sessions.begin(VIEWER)[0]
    sessions.check_write(admin, admin.csrf)
    for token in (None, "", viewer.csrf):
        with pytest.raises(Refusal, match="X-CSRF-Token"):
            sessions.check_write(admin, token)
    with pytest.raises(Refusal, match="only look"):
        sessions.check_write(viewer, viewer.csrf)


def test_guessing_is_slowed_down() -> None:
    """After some wrong keys even the right one has to wait a minute."""
    clock = Clock()
    sessions = Sessions(Access(KEYS), clock)
    for _ in range(MOST_FAILURES):
        with pytest.raises(Refusal, match="wrong apikey"):
            sessions.begin("a-wrong-key-of-the-tests")
    with pytest.raises(Refusal, match="too many"):
        sessions.begin(ADMIN)
    clock.now += 61
    sessions.begin(ADMIN)
