"""Why an attempt may not be paid for, and what the client is told about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tollhouse.dataplane.errors import ClientError, GatewayError
from tollhouse.proto.units import format_usd

if TYPE_CHECKING:
    from tollhouse.dataplane.dispatch.choosing.targets import Target
    from tollhouse.dataplane.dispatch.money.entry import Share
    from tollhouse.dataplane.engine.budgets import CompiledBudget


class Refused(Exception):
    """A budget has no room for an attempt. ``error`` is what the client is told should nothing else be tried."""

    def __init__(self, error: GatewayError, *, next_target: bool = False, downgrade_to: str = "") -> None:
        super().__init__(error.message)
        self.error = error
        self.next_target = next_target
        """Another target may fit."""
        self.downgrade_to = downgrade_to


class SmallerAnswer(Exception):
    """The attempt fits with an output limit of ``tokens``: prepare it again with that."""

    def __init__(self, tokens: int) -> None:
        super().__init__(str(tokens))
        self.tokens = tokens


def stopped(reason: str) -> GatewayError:
    """A kill switch is on."""
    return ClientError(403, "stopped", reason, headers={"x-should-retry": "false"})


def no_price(target: Target) -> GatewayError:
    """The target's price is unknown, and that blocks it."""
    return ClientError(
        403,
        "price_unknown",
        f"Nobody knows what {target.model} costs at {target.endpoint.name}, and its model's unknown_price is 'block'. "
        "Whoever runs the gateway can give it a price.",
    )


def unbounded_batch(budget: CompiledBudget) -> GatewayError:
    """A batch is made, and a budget must hold."""
    name = budget.resource.name or budget.id
    return ClientError(
        403,
        "batch_not_bounded",
        f"What a batch costs is known when it is finished, so the budget {name!r} cannot hold for it. Send its "
        "requests one by one, or have whoever runs the gateway set allow_batches on the budget.",
        headers={"x-should-retry": "false", "x-tollhouse-budget": budget.id},
    )


def exceeded(share: Share, left: int, now: float) -> GatewayError:
    """A budget has too little left, and what can be done about it."""
    budget = share.budget
    resource = budget.resource
    show = format_usd if resource.unit == "usd" else str
    unit = "USD" if resource.unit == "usd" else resource.unit
    name = resource.name or budget.id
    span = budget.span(now)
    when = "" if not span.ends or resource.rolling else f" It begins anew in {_duration(span.ends - now)}."
    error = ClientError(
        429,
        "budget_exceeded",
        f"The budget {name!r} of {show(share.claim.limit)} {unit} per {resource.window} has {show(left)} left, and "
        f"this request may need {show(share.claim.units)}.{when} Ask for a shorter answer, or ask "
        "whoever runs the gateway for more.",
    )
    error.headers["x-tollhouse-budget"] = budget.id
    return error


def _duration(seconds: float) -> str:
    for length, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * length:
            return f"{round(seconds / length)} {unit}"
    return f"{max(1, round(seconds))} seconds"
