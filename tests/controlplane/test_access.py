from __future__ import annotations

import contextlib
import hmac

import pytest
from tollhouse.controlplane.access import Access, AdminKey, digest_of, random_key
from tollhouse.controlplane.permissions import EVERYTHING
from tollhouse.controlplane.service.refusal import Fault, Refusal

ADMIN, VIEWER = "a" * 20, "v" * 20


@pytest.fixture
def access() -> Access:
    return Access([AdminKey.of(ADMIN, "admin"), AdminKey.of(VIEWER, "viewer")])


@pytest.mark.parametrize(
    ("presented", "reads", "fault", "text"),
    [
        (None, True, Fault.UNAUTHENTICATED, "missing apikey"),
        ("", True, Fault.UNAUTHENTICATED, "missing apikey"),
        ("wrong", True, Fault.UNAUTHENTICATED, "wrong apikey"),
        (ADMIN[:-1], True, Fault.UNAUTHENTICATED, "wrong apikey"),
        (VIEWER, False, Fault.FORBIDDEN, "invalid method for role viewer"),
    ],
)
def test_refused(access: Access, presented: str | None, reads: bool, fault: Fault, text: str) -> None:
    """Missing, wrong and insufficient keys are told apart in APISIX's words."""
    with pytest.raises(Refusal) as caught:
        access.check(presented, reads_only=reads)
    assert (caught.value.fault, caught.value.text) == (fault, text)


def test_let_in(access: Access) -> None:
    """An admin may write, a viewer may read."""
    assert access.check(ADMIN, reads_only=False).role == "admin"
    assert access.check(VIEWER, reads_only=True).role == "viewer"


def test_keys_do_not_show() -> None:
    """A key object neither keeps nor prints the key; a short key is refused; random keys are long enough."""
    key = AdminKey.of(ADMIN, "admin", "ci")
    assert ADMIN not in repr(key)
    with pytest.raises(ValueError, match="at least 16"):
        AdminKey.of("short", "admin")
    assert AdminKey.of(random_key(), "admin")


def test_a_check_takes_as_long_for_every_key(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is presented, its digest is compared with all keys' digests, in constant time each."""
    compared: list[int] = []
    inner = hmac.compare_digest

    def counting(one: bytes, other: bytes) -> bool:
        compared[-1] += 1
        return inner(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    for presented in (ADMIN, VIEWER, "wrong-key-0123456789"):
        compared.append(0)
        with contextlib.suppress(Refusal):
            access.check(presented)
    assert compared == [2, 2, 2]


def test_a_key_that_is_over_is_a_wrong_one() -> None:
    """At its second, without anybody doing anything; sessions of it end as well."""
    now = [100.0]
    access = Access((), clock=lambda: now[0])
    access.replace_stored([AdminKey("ann", "admin", digest_of(ADMIN), EVERYTHING, "k1", 101.0)])
    assert access.check(ADMIN).name == "ann"
    now[0] = 101.0
    assert access.named("ann", "k1") is None
    with pytest.raises(Refusal, match="wrong apikey"):
        access.check(ADMIN)
