"""Notifiers: who is told when a budget comes to a threshold."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from tollhouse.proto.resources.fields import Description, Labels, Name, ObjectId, Resource, Secret, is_reference

NOT_OFFERED = ("pagerduty", "smtp", "email")


def _offered(value: Any) -> Any:
    if value in NOT_OFFERED:
        raise ValueError(f"notifiers of type {value!r} are not offered by this release; use webhook or slack")
    return value


def _address(value: str) -> str:
    if not value.startswith(("http://", "https://")) and not is_reference(value):
        raise ValueError("expected an http:// or https:// address, or a $env:// reference to one")
    return value


class Notifier(Resource):
    """An address that is told of events, with retries."""

    name: Name | None = None
    """A name for people."""

    desc: Description | None = None
    """Who listens there."""

    labels: Labels | None = None
    """Free key-value pairs, for finding and grouping."""

    type: Annotated[Literal["webhook", "slack"], BeforeValidator(_offered)]
    """``webhook`` gets the event as JSON; ``slack`` (and what takes its format) a line of text."""

    url: Annotated[Secret, Field(min_length=1, max_length=2048), AfterValidator(_address)]
    """Where it is posted to. Such addresses are secrets: kept sealed, shown masked."""

    secret: Secret | None = None
    """With ``webhook``: signs each body (HMAC-SHA256), so that the listener knows who it is from."""

    budgets: list[ObjectId] = []
    """Only these budgets; all when empty."""

    at_least: int = Field(default=1, ge=1, le=100)
    """Only thresholds from this per cent on."""

    @model_validator(mode="after")
    def _fits(self) -> Notifier:
        if self.secret is not None and self.type != "webhook":
            raise ValueError(f"secret: a {self.type} notifier cannot be signed; leave it out")
        return self
