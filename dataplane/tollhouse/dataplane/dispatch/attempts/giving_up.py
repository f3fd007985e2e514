"""What is done and said when nothing is left to try: a cheaper model, or the error the client gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import structs
from tollhouse.dataplane.dispatch.attempts import failures
from tollhouse.dataplane.dispatch.attempts.journey import Journey
from tollhouse.dataplane.dispatch.choosing.chains import stand_ins
from tollhouse.dataplane.dispatch.choosing.explaining import explain_headers
from tollhouse.dataplane.dispatch.choosing.plan import OVER_QUOTA, SPENT, Plan
from tollhouse.dataplane.dispatch.choosing.target_state import TargetState
from tollhouse.dataplane.dispatch.money.refusals import Refused
from tollhouse.dataplane.engine.failover import GiveUp
from tollhouse.dataplane.errors import ClientError, GatewayError, UpstreamError
from tollhouse.dataplane.provider import UpstreamFailure

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

REFUSED = "budget_refusal"
DOWNGRADED = "downgraded_to"
"""``Exchange.state`` keys: the last refusal by a budget, and the model a budget made the request turn to."""


def downgraded(journey: Journey, step: GiveUp, now: float) -> Plan | None:
    """A plan with the model a budget names to turn to; None when there is none, it was tried already, or the request's
    time or tries are used up."""
    ex = journey.ex
    refused: Refused | None = ex.state.get(REFUSED)
    if refused is None or step.failures[-1].kind != "budget" or not refused.downgrade_to or ex.state.get(DOWNGRADED):
        return None
    if journey.left_s(now) <= 0 or len(ex.attempts) >= journey.most_tries:
        return None
    model = ex.snapshot.models.find(refused.downgrade_to)
    targets = stand_ins(ex, model.id) if model is not None else []
    if model is None or not targets:
        return None
    ex.state[DOWNGRADED] = model.id
    return structs.replace(journey.plan, targets=targets, guarded=True, main=None, chains={})


def gave_up(ex: Exchange, failed: Sequence[UpstreamFailure], tried: Sequence[str]) -> GatewayError:
    """The error after the last failure. ``tried``: the names of the targets, in order."""
    refused: Refused | None = ex.state.get(REFUSED)
    if refused is not None and failed[-1].kind == "budget":
        error: GatewayError = refused.error
    else:
        error = failures.to_error(failed, tried)
    error.headers["x-tollhouse-attempts"] = str(len(ex.attempts))
    error.headers["x-tollhouse-fault"] = error.fault
    return error


def nobody(ex: Exchange, plan: Plan) -> GatewayError:
    """The error where no target may be tried at all."""
    error = _nobody(ex, plan)
    error.headers["x-tollhouse-fault"] = error.fault
    return error


def _nobody(ex: Exchange, plan: Plan) -> GatewayError:
    told = "; ".join(f"{name}: {reason}" for name, reason in plan.left_out) or "none is configured"
    if plan.left_out and all(reason.startswith("the caller may not") for _, reason in plan.left_out):
        return ClientError(403, "model_not_allowed", f"You may not use this model here ({told}).")
    if plan.left_out and all(reason.startswith("cannot do") for _, reason in plan.left_out):
        return ClientError(400, "unsupported_by_model", f"No target can serve this request ({told}).")
    if plan.left_out and all(reason == OVER_QUOTA for _, reason in plan.left_out):
        waits = ex.state.get(SPENT, ())
        wait = min(waits.values()) if isinstance(waits, dict) and waits else None
        return ClientError(429, "rate_limited", f"Every target's quota is used up ({told}).", retry_after_s=wait)
    if plan.left_out and all("do not fit" in reason for _, reason in plan.left_out):
        return ClientError(400, "context_too_long", f"The request is too long for every target ({told}).")
    return UpstreamError(503, "no_target", f"No target can take this request now ({told}).")


def explained(error: GatewayError, ex: Exchange, plan: Plan) -> GatewayError:
    """With the reasons, for a caller who asked for them."""
    if plan.told:
        error.headers.update(explain_headers(plan.told, ex.attempts))
    return error


def left_alone(state: TargetState, now: float) -> UpstreamFailure:
    """Its breaker is open and nothing better is there: told without asking it."""
    wait = max(1.0, state.wait_s(now))
    if state.breaker.reason == "rate_limited":
        return UpstreamFailure("next", "rate_limited", 429, "it is rate limited", wait)
    return UpstreamFailure("next", "open", 0, "it failed a moment ago and is left alone for now", wait)
