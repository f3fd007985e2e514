"""Admins: who may use the Admin API, as what, for what, and by which keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from tollhouse.proto.resources.fields import Description, Labels, Name, ObjectId, Part, Resource, is_reference, unique

Role = Literal["admin", "operator", "finance", "approver", "viewer", "node"]
Verb = Literal["read", "write", "delete"]

MIN_KEY_CHARACTERS = 16


def _long_enough(value: str) -> str:
    if is_reference(value):
        raise ValueError("admin keys are stored as digests; write the key or its digest, no reference")
    if len(value) < MIN_KEY_CHARACTERS and set(value) != {"*"}:
        raise ValueError(f"an admin key has at least {MIN_KEY_CHARACTERS} characters")
    return value


class AdminKey(Part):
    """One key of an admin; several are good at a time while one is rotated."""

    id: ObjectId
    """The key's name among the admin's keys."""

    key: Annotated[str, Field(json_schema_extra={"secret": "digest"}), AfterValidator(_long_enough)]
    """The key; stored as its digest."""

    created_at: int | None = None
    """When it was made, in epoch seconds; for people."""

    expires_at: int | None = Field(default=None, ge=1)
    """The key is good until then, in epoch seconds; until it is removed when not given."""


class Admin(Resource):
    """One identity of the Admin API: a person or a program."""

    name: Name | None = None
    """A name for people."""

    desc: Description | None = None
    """Who this is."""

    labels: Labels | None = None
    """Free key-value pairs, for finding and grouping."""

    role: Role
    """What it may: ``admin`` everything, ``operator`` the configuration, ``finance`` money, ``approver`` approvals,
    ``viewer`` reading, ``node`` what a data-plane node brings."""

    kinds: Annotated[list[str], Field(min_length=1), AfterValidator(unique)] | None = None
    """Only these kinds of the role's: ``consumers``, ``credentials``, ``routes`` and so on, also ``spend``, ``audit``
    and ``history``."""

    consumer_groups: Annotated[list[ObjectId], Field(min_length=1), AfterValidator(unique)] | None = None
    """Only what belongs to these consumer groups and the groups below them; what belongs to no group can be read."""

    verbs: Annotated[list[Verb], Field(min_length=1), AfterValidator(unique)] | None = None
    """Only these verbs of the role's."""

    keys: list[AdminKey] = []
    """The keys it signs in with."""

    status: Literal[0, 1] = 1
    """1 may sign in, 0 may not, whatever key it shows."""
