"""What each role may, and what narrows it."""

from __future__ import annotations

import pytest
from tollhouse.controlplane.permissions import ANYTHING, AREAS, ROLES, USAGE, Permit
from tollhouse.controlplane.service.refusal import Fault, Refusal


def test_the_table_of_roles() -> None:
    """As docs/security.md has it."""
    writes = {role: {area for area in AREAS if Permit(role).allows("write", area)} for role in ROLES}
    assert writes["admin"] == AREAS
    assert AREAS - writes["operator"] == {"admins", "budgets", "approvals", "spend", "price_tables", USAGE}
    assert writes["finance"] == {"budgets", "price_tables", "notifiers", "stops", "spend", "approvals"}
    assert writes["approver"] == {"approvals"}
    assert writes["viewer"] == set()
    assert writes["node"] == {USAGE}
    assert {role for role in ROLES if Permit(role).allows("read", "routes")} == set(ROLES) - {"node"}
    assert [role for role in ROLES if not Permit(role).may_write] == ["viewer"]


def test_kinds_and_verbs_narrow() -> None:
    """Never widen."""
    permit = Permit("operator", frozenset({"consumers", "budgets"}), verbs=frozenset({"read", "write"}))
    assert permit.allows("write", "consumers")
    assert permit.allows("write", ANYTHING)
    for verb, area in (("delete", "consumers"), ("write", "budgets"), ("write", "routes"), ("read", "routes")):
        assert not permit.allows(verb, area)  # type: ignore[arg-type]
    with pytest.raises(
        Refusal, match="role operator, narrowed by its kinds or verbs, may not delete consumers"
    ) as caught:
        permit.require("delete", "consumers")
    assert caught.value.fault is Fault.DENIED
    with pytest.raises(Refusal, match="invalid method for role viewer"):
        Permit("viewer").require("write", "routes")
