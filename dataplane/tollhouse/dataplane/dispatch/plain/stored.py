"""Requests about what a provider keeps for its account (files, batches, stored responses): they name no model, and only
the account that made a thing knows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tollhouse.dataplane.dispatch.attempts.outgoing import speaks
from tollhouse.dataplane.dispatch.choosing.plan import Limits, Plan, forbidden
from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.engine.failover import NO_FAILOVER, Policy
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.permitted import ALLOWED

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_ONE_AFTER_ANOTHER = Policy(same_target_retries=0, hop_limit=16)
"""Those that do not know a thing say so, and the next one is asked."""


def plan_stored(ex: Exchange, targets: Iterable[Target], limits: Limits, *, shares: bool) -> Plan | None:
    """Where such a request goes; None for any other. What is made new goes to the first account that has the interface,
    always the same one; what has an id is asked of one after the other. Lists show what others keep there too: refused
    unless the route ``shares``. Raises ClientError."""
    assert ex.protocol is not None
    about = ex.protocol.stored(ex.method, ex.path)
    if not about:
        return None
    if ALLOWED in ex.state:
        raise ClientError(
            403, "model_not_allowed", "You may use some models only, and what a provider keeps can be used with any."
        )
    if about == "list" and not shares:
        raise ClientError(
            403,
            "list_not_shared",
            f"{ex.method} {ex.path} would list what everybody using this route keeps at the provider. Ask for single "
            "things by their ids, or have shares_stored set on the route.",
        )
    accounts: dict[str, Target] = {}
    barred = []
    for target in targets:
        reason = "" if speaks(ex.protocol, target) else "it does not have this interface"
        reason = reason or forbidden(ex, target)
        if reason:
            barred.append((target.name, reason))
        else:
            accounts.setdefault(target.endpoint.key, target)
    if not accounts:
        told = "; ".join(f"{name}: {reason}" for name, reason in barred) or "none is configured"
        raise ClientError(400, "unsupported_here", f"No provider behind this route can do {ex.path} ({told}).")
    found = list(accounts.values())
    if about in ("new", "batch"):
        return Plan(found[:1], NO_FAILOVER, limits, guarded=False)
    return Plan(found, _ONE_AFTER_ANOTHER, limits, guarded=False)


def only_speakers(ex: Exchange, targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """The targets a request can go to whose format nothing else stands for; all of them where none speaks it, so that
    the refusal names what is wrong."""
    protocol = ex.protocol
    if protocol is None or not protocol.untranslated:
        return targets
    return tuple(target for target in targets if speaks(protocol, target)) or targets
