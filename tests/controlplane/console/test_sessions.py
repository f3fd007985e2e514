"""A session is what an admin key gives, for a time, to pages of ours only."""

from __future__ import annotations

import base64

import orjson
import pytest
from tollhouse.controlplane.access import Access, AdminKey
from tollhouse.controlplane.console.sessions import LONGEST_S, Sessions
from tollhouse.controlplane.service.refusal import Refusal
from tollhouse.proto.guessing import FREE_BY_ADDRESS

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
        (Sessions(Access(KEYS)), f"{text}.é"),
        (Sessions(Access(KEYS)), "\udce9.\udce9"),
        (Sessions(Access(KEYS)), made_up({"key": "a", "id": "oidc", "role": "admin", "csrf": "c", "expires": 9e12})),
        (Sessions(Access(KEYS)), made_up({"key": "a", "id": "oidc", "role": [], "csrf": "c", "expires": 9e12})),
        (Sessions(Access(KEYS)), made_up(["key", "id"])),
        (Sessions(Access(KEYS)), None),
    ):
        with pytest.raises(Refusal):
            sessions.read(bad)


def made_up(told: object) -> str:
    """A cookie somebody wrote who cannot sign it."""
    return f"{base64.urlsafe_b64encode(orjson.dumps(told)).decode()}.0123"


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
    """After some wrong keys from an address, one that was not right before has to wait; elsewhere it is let in."""
    clock = Clock()
    sessions = Sessions(Access(KEYS, monotonic=clock), clock)
    sessions.begin(VIEWER, "192.0.2.1")
    for number in range(FREE_BY_ADDRESS + 1):
        with pytest.raises(Refusal, match="wrong apikey"):
            sessions.begin(f"a-wrong-key-of-the-tests-{number}", "192.0.2.1")
    with pytest.raises(Refusal, match="too many") as caught:
        sessions.begin(ADMIN, "192.0.2.1")
    assert caught.value.retry_after_s > 0
    sessions.begin(VIEWER, "192.0.2.1")
    sessions.begin(ADMIN, "192.0.2.2")
    clock.now += 61
    sessions.begin(ADMIN, "192.0.2.1")
