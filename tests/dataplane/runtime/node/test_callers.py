"""What identities may call on a node."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from tollhouse.dataplane.config.objects import RawObject
from tollhouse.dataplane.runtime.node.callers import Callers, refusal
from tollhouse.proto.resources.admin import Admin

READ, WRITE, MONEY, COUNT = (
    f"/tollhouse.admin.v1.{name}"
    for name in ("NodeService/Explain", "NodeService/SetTarget", "BudgetService/RebuildBudgets", "BudgetService/Count")
)


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def stored(name: str, own: str, **more: Any) -> RawObject:
    value = {"role": "viewer", "keys": [{"id": "1", "key": f"sha256:{digest(own)}", **more.pop("key", {})}], **more}
    return RawObject("admins", name, json.dumps(value).encode(), 1)


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("admin", {READ, WRITE, MONEY, COUNT}),
        ("operator", {READ, WRITE}),
        ("finance", {READ, MONEY}),
        ("approver", {READ}),
        ("viewer", {READ}),
        ("node", {COUNT}),
    ],
)
def test_roles_are_the_control_planes(role: str, may: set[str]) -> None:
    """As far as a node has something for them."""
    admin = Admin.model_validate({"role": role})
    assert {method for method in (READ, WRITE, MONEY, COUNT) if not refusal(admin, method)} == may


def test_what_narrows_a_role_narrows_it_here() -> None:
    """A node tells of all consumers: who may see some groups only sees nothing here."""
    for narrowed in ({"consumer_groups": ["a"]}, {"kinds": ["routes"]}, {"verbs": ["write"]}):
        assert refusal(Admin.model_validate({"role": "operator", **narrowed}), READ)
    wide = Admin.model_validate({"role": "operator", "kinds": ["nodes"], "verbs": ["read"]})
    assert not refusal(wide, READ)
    assert "write" in refusal(wide, WRITE)


def test_keys_are_good_while_the_configuration_has_them() -> None:
    """Not when they are over, their identity is switched off, or the object cannot be read."""
    objects = [
        stored("a", "key-of-a", key={"expires_at": 200}),
        stored("b", "key-of-b", status=0),
        RawObject("admins", "c", b"{", 1),
    ]
    now = 100.0
    callers = Callers(lambda: objects, lambda: now)
    assert callers.find(digest("key-of-a")) is not None
    assert callers.find(digest("key-of-b")) is None
    assert callers.find(digest("nobody's")) is None
    now = 200.0
    assert callers.find(digest("key-of-a")) is None
    now = 100.0
    objects.clear()
    assert callers.find(digest("key-of-a")) is None
