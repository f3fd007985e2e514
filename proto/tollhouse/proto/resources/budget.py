"""Budgets and stops: what may be spent, by whom, in which time, and who may not spend anything at all."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from tollhouse.proto.resources.fields import Description, Labels, Name, ObjectId, Part, Resource, Username
from tollhouse.proto.units import usd_to_nano

EACH = "each"
"""In a scope: every value of the dimension has the amount for itself."""

MOST_USD = 9_000_000
MOST_UNITS = 9_000_000_000_000_000
"""Counts are exact up to 2^53 wherever they are kept; nine million dollars in nano-USD is just below it."""

Value = Annotated[str, Field(min_length=1, max_length=256)]


def _tag(value: str) -> str:
    name, equals, text = value.partition("=")
    if not equals or not name or not text:
        raise ValueError(f"a tag is written name=value or name={EACH}, came {value!r}")
    return value


class BudgetScope(Part):
    """Whose spending counts: all dimensions given must fit; none is everything. ``each`` instead of a value gives
    every value of the dimension the amount for itself."""

    consumer: Value | None = None
    """A consumer, or ``each``."""

    consumer_group: Value | None = None
    """A consumer group with all groups below it, or ``each``."""

    model: Value | None = None
    """The name agents ask for or the provider's own, or ``each`` (the provider's own)."""

    provider: Value | None = None
    """A provider, by its id or type, or ``each``."""

    route: Value | None = None
    """A route, or ``each``."""

    session: Value | None = None
    """A session, as agents name theirs, or ``each``."""

    tag: Annotated[Value, AfterValidator(_tag)] | None = None
    """``name=value`` or ``name=each``: labels of the consumer, and the header ``x-tollhouse-tags``."""


def _amount(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError('an amount is a number above 0, e.g. 10 or "2.50"')
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not amount.is_finite() or amount <= 0:
        raise ValueError(f"an amount is above 0, came {value}")
    return str(value)


Amount = Annotated[
    str,
    BeforeValidator(_amount),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}),
]


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a time zone; write one like Europe/Berlin or UTC") from None
    return value


Window = Literal["minute", "hour", "day", "week", "month", "total"]


class Budget(Resource):
    """At most so much, for a scope, in a window."""

    name: Name | None = None
    """A name for people."""

    desc: Description | None = None
    """What it is for."""

    labels: Labels | None = None
    """Free key-value pairs, for finding and grouping."""

    scope: BudgetScope = BudgetScope()
    """Whose spending counts; everything when not given."""

    unit: Literal["usd", "tokens", "requests"]
    """What is counted."""

    count: Literal["total", "input", "output"] = "total"
    """With unit ``tokens``: which of them."""

    amount: Amount
    """How much: USD (decimals are exact), tokens, or requests."""

    window: Window
    """The time after which it begins anew; ``total``: never."""

    rolling: bool = False
    """Count the last minute, hour, day, 7 days or 30 days instead of the calendar's."""

    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """Whose calendar it is: an IANA name."""

    thresholds: Annotated[list[Annotated[int, Field(ge=1, le=100)]], Field(max_length=10)] = [50, 80, 100]
    """Per cent of the amount at which the node says so, in its log and in a metric, once per window."""

    on_exceed: Literal["reject", "downgrade", "shrink", "queue", "escalate", "alert"] = "reject"
    """What happens to a request that does not fit any more: ``reject`` refuses it; ``downgrade`` goes on to targets
    that fit (free ones always do) and to ``downgrade_to``; ``shrink`` lowers the output limit to what fits; ``queue``
    lets it wait until there is room; ``escalate`` asks an operator for more, while it waits; ``alert`` lets it
    through."""

    downgrade_to: Value | None = None
    """With ``downgrade``: the model to turn to when no target of the asked-for one fits."""

    shrink_to_at_least: int = Field(default=256, ge=1)
    """With ``shrink``: output tokens below which the request is refused instead."""

    alert_on_anomaly: bool = False
    """Have notifiers told when five minutes cost unusually much, compared with the last day."""

    max_wait_s: int | None = Field(default=None, ge=0, le=3600)
    """With ``queue`` (30 when not given) and ``escalate`` (300): seconds a request waits at most. 0 with ``escalate``:
    it is refused at once, with the approval's id."""

    max_waiting: int = Field(default=100, ge=1, le=10_000)
    """With ``queue`` and ``escalate``: requests a node lets wait at a time, for each value of the scope."""

    approval_ttl_s: int = Field(default=3600, ge=60, le=604_800)
    """With ``escalate``: how long an approval can be decided."""

    suggested_grant: Amount | None = None
    """With ``escalate``: what an approval suggests, and the most a signed link grants; a tenth of the amount, or what
    the request needs, when not given."""

    shadow: bool = False
    """Count and report, refuse nothing."""

    strict: bool = False
    """Charge the whole reservation of an answer that was broken off, so that what a provider may bill beyond what was
    seen can never pass the limit."""

    allow_batches: bool = False
    """Let callers make batches. They are charged when they are first read, so they may pass the amount: the budget is
    hard for everything else only. Without it, batches are refused where a budget in USD or tokens must hold."""

    exempt_free: bool = True
    """Targets whose price is zero are not counted."""

    on_store_failure: Literal["reject", "allow"] = "reject"
    """While the store of the counts cannot be reached: refuse, or let through uncounted."""

    @model_validator(mode="after")
    def _fits(self) -> Budget:
        limit = MOST_USD if self.unit == "usd" else MOST_UNITS
        amount = Decimal(self.amount)
        if amount > limit:
            raise ValueError(f"amount: at most {limit} {self.unit}, came {self.amount}")
        if self.unit != "usd" and amount != amount.to_integral_value():
            raise ValueError(f"amount: {self.unit} are counted in whole numbers, came {self.amount}")
        if self.unit == "usd" and usd_to_nano(self.amount) < 1:
            raise ValueError("amount: less than a billionth of a dollar")
        if self.count != "total" and self.unit != "tokens":
            raise ValueError(f"count: has no meaning with unit {self.unit!r}; leave it out")
        if self.window == "total" and self.rolling:
            raise ValueError("rolling: has no meaning with window 'total'; leave it out")
        if self.rolling and self.timezone != "UTC":
            raise ValueError("timezone: a rolling window has no calendar; leave it out, or rolling")
        if self.downgrade_to is not None and self.on_exceed != "downgrade":
            raise ValueError("downgrade_to: only with on_exceed 'downgrade'")
        for name in ("max_wait_s", "max_waiting"):
            if name in self.model_fields_set and self.on_exceed not in ("queue", "escalate"):
                raise ValueError(f"{name}: only with on_exceed 'queue' or 'escalate'")
        for name in ("approval_ttl_s", "suggested_grant"):
            if name in self.model_fields_set and self.on_exceed != "escalate":
                raise ValueError(f"{name}: only with on_exceed 'escalate'")
        if self.allow_batches and self.unit == "requests":
            raise ValueError("allow_batches: making a batch is a request; it has a meaning with usd and tokens only")
        if self.on_exceed == "queue" and self.max_wait_s == 0:
            raise ValueError("max_wait_s: 0 is no queue; use on_exceed 'reject'")
        if self.on_exceed == "shrink" and self.unit == "requests":
            raise ValueError("on_exceed: a smaller answer is still a request; use reject with unit 'requests'")
        return self

    @property
    def wait_s(self) -> int:
        """Seconds a request may wait for room, or for an operator."""
        if self.max_wait_s is not None:
            return self.max_wait_s
        return {"queue": 30, "escalate": 300}.get(self.on_exceed, 0)

    @property
    def units(self) -> int:
        """The amount in whole units: nano-USD, tokens, requests."""
        return int(usd_to_nano(self.amount)) if self.unit == "usd" else int(Decimal(self.amount))


class Stop(Resource):
    """A kill switch that is on: its callers are refused on all nodes until it is deleted."""

    desc: Description | None = None
    """Why; callers are told."""

    labels: Labels | None = None
    """Free key-value pairs, for finding and grouping."""

    consumer: Username | None = None
    """The consumer that is stopped."""

    consumer_group: ObjectId | None = None
    """The group that is stopped, with all groups below it."""

    everyone: bool = False
    """Every caller of the routes that serve models is stopped."""

    @model_validator(mode="after")
    def _one(self) -> Stop:
        given = [self.consumer is not None, self.consumer_group is not None, self.everyone]
        if sum(given) != 1:
            raise ValueError("give exactly one of consumer, consumer_group and everyone: true")
        return self
