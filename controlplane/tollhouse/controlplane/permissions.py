"""Roles: what each may do. Who has which role is the business of ``access``, objects' groups that of ``service``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tollhouse.controlplane.service.refusal import Fault, Refusal
from tollhouse.proto.resources.admin import Role
from tollhouse.proto.resources.kinds import KINDS

Verb = Literal["read", "write", "delete"]

USAGE = "usage"
"""What nodes bring: usage records, audit lines, questions for approval."""
AREAS = frozenset({*KINDS, "spend", "audit", "history", "nodes", USAGE})
"""What a permission is about: a kind of object, or something else the Admin API has."""
ANYTHING = "*"
"""Whatever it is about: the objects that are touched are looked at one by one."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a role may."""

    reads: bool = True
    """Everything."""
    writes: frozenset[str] = frozenset()


ROLES: Mapping[Role, Rule] = {
    "admin": Rule(writes=AREAS),
    "operator": Rule(writes=AREAS - {"admins", "budgets", "approvals", "spend", "price_tables", USAGE}),
    "finance": Rule(writes=frozenset({"budgets", "price_tables", "notifiers", "stops", "spend", "approvals"})),
    "approver": Rule(writes=frozenset({"approvals"})),
    "viewer": Rule(),
    "node": Rule(reads=False, writes=frozenset({USAGE})),
}


@dataclass(frozen=True, slots=True)
class Permit:
    """What one identity may: a role, and what narrows it. Empty sets narrow nothing."""

    role: Role = "admin"
    areas: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    """Consumer groups; those below them are meant as well."""
    verbs: frozenset[str] = frozenset()

    def allows(self, verb: Verb, area: str) -> bool:
        """Whether the verb may be used there at all; of which groups is another question."""
        rule = ROLES[self.role]
        if verb == "read":
            by_role = rule.reads
        else:
            by_role = bool(rule.writes) if area == ANYTHING else area in rule.writes
        if self.verbs and verb not in self.verbs:
            return False
        return by_role and (not self.areas or area in self.areas or area == ANYTHING)

    def require(self, verb: Verb, area: str) -> None:
        """Raises Refusal (FORBIDDEN for a viewer, in APISIX's words; DENIED else)."""
        if self.allows(verb, area):
            return
        if self.role == "viewer" and verb != "read":
            raise Refusal(Fault.FORBIDDEN, "invalid method for role viewer")
        what = "anything here" if area == ANYTHING else area
        narrowed = ", narrowed by its kinds or verbs," if self.areas or self.verbs else ""
        raise Refusal(Fault.DENIED, f"the role {self.role}{narrowed} may not {verb} {what}")

    @property
    def may_write(self) -> bool:
        """Whether it may write anything at all."""
        return self.allows("write", ANYTHING)


def read_role(text: Any) -> Role | None:
    """The role of a name; None when there is none."""
    return next((role for role in ROLES if role == text), None)


EVERYTHING = Permit()
"""What the control plane itself may."""
