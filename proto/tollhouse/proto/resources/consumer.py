"""Who calls: consumers, their credentials, and the groups they belong to."""

from __future__ import annotations

from pydantic import Field
from tollhouse.proto.resources.fields import Description, Labels, Name, ObjectId, Plugins, Resource, Username


class Consumer(Resource):
    """One caller: an agent."""

    username: Username
    """The consumer's name, which is also its id."""

    group_id: ObjectId | None = None
    """The consumer_group it belongs to."""

    desc: Description | None = None
    """Who this is."""

    labels: Labels | None = None
    """Free key-value pairs, for finding and grouping; ``custom_id`` is passed on as X-Consumer-Custom-ID."""

    plugins: Plugins | None = None
    """Authentication plugins (how it is recognised), and plugins that run for its requests."""


class Credential(Resource):
    """One way by which a consumer is recognised: exactly one authentication plugin."""

    name: Name | None = None
    """A name for people."""

    desc: Description | None = None
    """What the credential is for."""

    labels: Labels | None = None
    """Free key-value pairs, for finding and grouping."""

    plugins: Plugins | None = None
    """The authentication plugin and its key."""

    expires_at: int | None = Field(default=None, ge=1)
    """The credential is good until then, in epoch seconds, whatever else happens; without it until it is deleted."""


class ConsumerGroup(Resource):
    """Consumers that share plugins: a team."""

    parent_id: ObjectId | None = None
    """The group above it: a team's organisation. Budgets and stops of a group hold for all groups below it."""

    name: Name | None = None
    """A name for people."""

    desc: Description | None = None
    """Who this is."""

    labels: Labels | None = None
    """Free key-value pairs, for finding and grouping."""

    plugins: Plugins
    """Plugins that run for requests of its consumers; a consumer's own config of the same plugin replaces it."""
