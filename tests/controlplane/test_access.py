from __future__ import annotations

import pytest
from tollhouse.controlplane.access import Access, AdminKey, random_key
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
