"""Notifiers: who is told of events, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from tollhouse.proto.resources.fields import Description, Labels, Name, ObjectId, Resource, Secret, is_reference

Event = Literal[
    "budget_threshold", "approval_requested", "spend_anomaly", "unknown_price", "dead_key", "repeated_request"
]
"""What there is to tell."""

PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
SCHEMES = {
    "webhook": ("http://", "https://"),
    "slack": ("http://", "https://"),
    "pagerduty": ("http://", "https://"),
    "smtp": ("smtp://", "smtps://"),
}


def _mail(value: str) -> str:
    name, at, host = value.partition("@")
    if not at or not name or not host or any(character.isspace() or character in "<>," for character in value):
        raise ValueError(f"{value!r} is no mail address")
    return value


Mail = Annotated[str, Field(max_length=254), AfterValidator(_mail)]


class Notifier(Resource):
    """An address that is told of events, with retries."""

    name: Name | None = None
    """A name for people."""

    desc: Description | None = None
    """Who listens there."""

    labels: Labels | None = None
    """Free key-value pairs, for finding and grouping."""

    type: Literal["webhook", "slack", "pagerduty", "smtp"]
    """``webhook`` gets the event as JSON; ``slack`` (and what takes its format) a line of text; ``pagerduty`` an event
    of its Events API v2; ``smtp`` a mail."""

    url: Annotated[Secret, Field(min_length=1, max_length=2048)] | None = None
    """Where it is posted to, or for ``smtp`` the mail server: ``smtp://host:587``, ``smtps://host:465``. Such addresses
    are secrets: kept sealed, shown masked. ``pagerduty`` has one of its own when not given."""

    secret: Secret | None = None
    """With ``webhook``: signs each body (HMAC-SHA256), so that the listener knows who it is from."""

    routing_key: Secret | None = None
    """With ``pagerduty``: the integration key of the service."""

    username: Annotated[str, Field(max_length=256)] | None = None
    """With ``smtp``: who signs in."""

    password: Secret | None = None
    """With ``smtp``: the password of ``username``."""

    starttls: bool = True
    """With ``smtp``: whether ``smtp://`` is encrypted before anything is said; a server without it is not used."""

    sender: Mail | None = None
    """With ``smtp``: the mails' From."""

    to: Annotated[list[Mail], Field(max_length=50)] = []
    """With ``smtp``: who gets the mails."""

    events: Annotated[list[Event], Field(max_length=10)] = []
    """Only these events; all when empty."""

    budgets: list[ObjectId] = []
    """Only events about these budgets; all when empty."""

    at_least: int = Field(default=1, ge=1, le=100)
    """Only thresholds from this per cent on."""

    @model_validator(mode="after")
    def _fits(self) -> Notifier:
        owned = {
            "secret": "webhook",
            "routing_key": "pagerduty",
            "username": "smtp",
            "password": "smtp",
            "starttls": "smtp",
            "sender": "smtp",
            "to": "smtp",
        }
        for name, kind in owned.items():
            if name in self.model_fields_set and self.type != kind and getattr(self, name) is not None:
                raise ValueError(f"{name}: only a {kind} notifier has one; leave it out")
        if self.url is None and self.type != "pagerduty":
            raise ValueError("url: missing")
        schemes = SCHEMES[self.type]
        if self.url is not None and not self.url.startswith(schemes) and not is_reference(self.url):
            raise ValueError(
                f"url: expected an address that begins with {' or '.join(schemes)}, or a $env:// reference"
            )
        if self.type == "pagerduty" and self.routing_key is None:
            raise ValueError("routing_key: missing; it is the integration key of the service")
        if self.type == "smtp" and not (self.sender and self.to):
            raise ValueError("sender and to: a mail needs both")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password: give both, or neither")
        return self
