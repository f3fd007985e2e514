"""Money at each attempt: reserves on every budget that applies, writes the attempt down, settles what it came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.dispatch.attempts.alarms import Alarms
from tollhouse.dataplane.dispatch.attempts.outgoing import Prepared
from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.dispatch.money.asked_tier import price_at_most
from tollhouse.dataplane.dispatch.money.by_unit import most_nano, with_units
from tollhouse.dataplane.dispatch.money.entry import Entry, Share, prices_version
from tollhouse.dataplane.dispatch.money.holding import Hold, NoRoom
from tollhouse.dataplane.dispatch.money.input_bound import beside_the_limit, input_at_most
from tollhouse.dataplane.dispatch.money.kept import about_kept, refuse_unbounded_batch
from tollhouse.dataplane.dispatch.money.purse import STATE, Purse
from tollhouse.dataplane.dispatch.money.refusals import Refused, SmallerAnswer, exceeded, no_price, stopped
from tollhouse.dataplane.dispatch.money.waiting import waiting_of
from tollhouse.dataplane.engine.budgets import Facts, Worst
from tollhouse.dataplane.engine.pricing import cost
from tollhouse.dataplane.engine.tokens import estimate
from tollhouse.dataplane.errors import UpstreamError
from tollhouse.dataplane.services import CounterUnavailable, Services
from tollhouse.dataplane.spending import AttemptLog, BudgetCounts, Claim, LedgerFull, Opened

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

NOTHING = Worst(0, 0, None)
ASSUMED_OUTPUT = 32_768
"""Output tokens of a model whose maximum is unknown; where a budget needs certainty the request is given it as its
limit."""


WAITS = frozenset({"queue", "escalate"})
UNFIT = "unfit"
"""Instead of what holds an attempt: a budget has no room, and the attempt may wait for it."""


class Accounts:
    """One per driver; shared by exchanges."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._alarms = Alarms(services)
        self._waiting = waiting_of(services)
        self._refused = services.metrics.counter(
            "tollhouse_budget_refusals_total",
            "Attempts a budget had no room for; mode shadow was let through.",
            ("budget", "mode"),
        )

    def concern(self, ex: Exchange, target: Target) -> bool:
        """Whether there is anything to refuse, to reserve or to write down."""
        attempt_log = self._services.attempt_log
        ships = attempt_log is not None and attempt_log.shipped
        return ships or bool(target.unknown_price) or bool(ex.snapshot.budgets)

    async def begin(self, ex: Exchange, target: Target, prepared: Prepared, *, waits: bool = True) -> Entry | None:
        """Reserve and write down; None where neither a budget nor a log wants to know. Raises Refused (where a budget
        would let it wait: after that, or at once unless it ``waits``), SmallerAnswer, and GatewayError when the log or
        the counts are not to be had."""
        services = self._services
        budgets, attempt_log = services.budgets, services.attempt_log
        if budgets is None and attempt_log is None:
            return None
        if target.unknown_price and not about_kept(ex):
            self._alarms.unknown_price(target, ex.peek.model)
            if target.unknown_price == "block":
                raise Refused(no_price(target), next_target=True)
        ships = attempt_log is not None and attempt_log.shipped
        if not ships and not ex.snapshot.budgets:
            return None
        purse = self._purse(ex)
        shares: list[Share] = []
        worst: Worst | None = None
        kept = about_kept(ex)
        if kept == "batch":
            refuse_unbounded_batch(ex, target, purse)
        if budgets is not None and purse.budgets:
            worst = _worst(ex, target, prepared)
            shares = self._shares(ex, target, purse, worst)
            if prepared.output_limit is None and not target.max_output and worst.output_tokens and _needs_limit(shares):
                raise SmallerAnswer(ASSUMED_OUTPUT)
        name = attempt_log.new_id() if attempt_log is not None else f"{ex.id}.{len(ex.attempts) + 1}"
        held = None
        if shares and budgets is not None:
            assert worst is not None
            first_come = not self._waiting.lines or not self._waiting.stand_before(shares)
            held = await self._take(ex, name, budgets, shares, worst) if first_come else UNFIT
            if held is UNFIT and not waits:
                share = next(one for one in shares if one.refused)
                left = max(0, share.claim.limit - share.used)
                raise Refused(exceeded(share, left, services.clock.time()), next_target=True)
            if held is UNFIT:
                shares, held = await self._wait(ex, target, prepared, purse, name, budgets, shares, worst)
        # Where no ledger wants records, what is in an envelope needs none: the worker tells what that comes to. Answers
        # that are charged when they are read are charged by what is written.
        written = attempt_log if ships or held == "" or (kept and purse.budgets) else None
        entry = Entry(services, ex, target, name, shares if held is not None else [], written)
        entry.reservation = held or ""
        if written is not None:
            self._write(ex, target, prepared, purse, entry, written)
        entry.counted = purse.counted
        for share in entry.shares:
            if share.budget.once:
                purse.counted.add(share.claim.key)
        return entry

    # -- who, and under which budgets

    def _purse(self, ex: Exchange) -> Purse:
        """As the budgets are now: a hop, and whoever has waited, may meet others than the request began under. Raises
        GatewayError when the caller was stopped meanwhile."""
        purse: Purse | None = ex.state.get(STATE)
        index = self._waiting.index
        if purse is not None and purse.index is index:
            return purse
        consumer = ex.consumer
        groups = index.groups(consumer.group_id) if consumer is not None and consumer.group_id else ()
        if index is not ex.snapshot.budgets and index.stops:
            reason = index.stops.reason(ex.consumer_name, groups)
            if reason is not None:
                raise stopped(reason)
        budgets = index.may_apply(ex.consumer_name, groups)
        if purse is None:
            purse = ex.state[STATE] = Purse(groups, budgets, index, set())
        else:
            purse.groups, purse.budgets, purse.index = groups, budgets, index
        return purse

    def _shares(self, ex: Exchange, target: Target, purse: Purse, worst: Worst) -> list[Share]:
        facts: Facts | None = None
        now = self._services.clock.time()
        free = target.price is not None and target.price.is_free
        shares: list[Share] = []
        for budget in purse.budgets:
            if free and budget.resource.exempt_free:
                continue
            keys = budget.fixed
            if keys is None:
                facts = facts or purse.facts(ex, target, (target.model or ex.peek.model, ex.peek.model))
                keys = budget.keys(facts)
            units = budget.reserve(worst) if keys else 0
            if not units:
                continue
            span = budget.span(now)
            expires = span.expires or budget.expires(span, now)
            for key in keys:
                if key not in purse.counted:
                    strict = budget.resource.strict
                    claim = Claim(key, units, budget.units, span.bucket, span.since, expires, budget.enforced, strict)
                    shares.append(Share(budget, claim))
        return shares

    # -- reserving

    async def _take(
        self, ex: Exchange, name: str, budgets: BudgetCounts, shares: list[Share], worst: Worst
    ) -> str | None:
        """What holds it all (empty: a reservation of this attempt alone); None where a store that cannot be reached may
        be passed by; UNFIT where a budget has no room that may be waited for. Raises what a refusal is."""
        try:
            granted = await budgets.take_all(name, tuple([share.claim for share in shares]))
        except CounterUnavailable:
            if all(not one.claim.enforced or one.budget.resource.on_store_failure == "allow" for one in shares):
                return None
            message = "Budgets cannot be checked: the store of their counts cannot be reached. Try again later."
            raise UpstreamError(503, "budget_unavailable", message, retry_after_s=5) from None
        if granted.allowed:
            for share, used in zip(shares, granted.used, strict=True):
                share.used = used
                if not share.claim.enforced:
                    self._look(share)
            return granted.reservation
        share = shares[granted.refused]
        share.used = granted.used[granted.refused]
        if share.budget.resource.on_exceed in WAITS:
            share.refused = True
            return UNFIT
        self._refused(share.budget.id, "reject").add()
        raise self._refusal(ex, share, worst)

    async def _wait(
        self,
        ex: Exchange,
        target: Target,
        prepared: Prepared,
        purse: Purse,
        name: str,
        budgets: BudgetCounts,
        shares: list[Share],
        worst: Worst,
    ) -> tuple[list[Share], str | None]:
        """Try again until it fits. Raises Refused when it has waited long enough, or may not."""
        services = self._services
        hold = Hold(services, ex, worst, prepared.body, target.name, _told(services, ex, purse))
        try:
            while True:
                share = next(one for one in shares if one.refused)
                try:
                    await hold.room(share)
                except NoRoom as over:
                    self._refused(share.budget.id, "reject").add()
                    now = services.clock.time()
                    left = max(0, share.claim.limit - share.used)
                    raise Refused(over.error or exceeded(share, left, now)) from None
                # The window may be another one by now, and the budgets too.
                shares = hold.granted(self._shares(ex, target, self._purse(ex), worst))
                held = await self._take(ex, name, budgets, shares, worst) if shares else None
                if held is not UNFIT:
                    hold.passed()
                    return shares, held
        finally:
            hold.close()

    def _refusal(self, ex: Exchange, share: Share, worst: Worst) -> Exception:
        budget = share.budget
        resource = budget.resource
        left = max(0, share.claim.limit - share.used)
        if resource.on_exceed == "shrink":
            fits = min(budget.output_that_fits(worst, left) // max(1, ex.peek.choices), worst.output_tokens)
            if fits >= resource.shrink_to_at_least and fits < worst.output_tokens:
                return SmallerAnswer(fits)
        error = exceeded(share, left, self._services.clock.time())
        if resource.on_exceed == "downgrade":
            return Refused(error, next_target=True, downgrade_to=resource.downgrade_to or "")
        return Refused(error)

    def _look(self, share: Share) -> None:
        """Count what a shadow would have refused."""
        if share.used > share.claim.limit:
            self._refused(share.budget.id, "shadow" if share.budget.resource.shadow else "alert").add()

    # -- writing down

    def _write(
        self, ex: Exchange, target: Target, prepared: Prepared, purse: Purse, entry: Entry, attempt_log: AttemptLog
    ) -> None:
        price = target.price
        usage = with_units(ex, price, None) if price is not None and price.by_unit else None
        if usage is None:
            usage = Usage(input_tokens=estimate(len(prepared.body)))
        usage.estimated = True
        who, session, tags = purse.who(ex)
        kept = about_kept(ex)
        lost_nano = cost(usage, price) if price is not None else 0
        record = Opened(
            id=entry.id,
            at_ms=int(self._services.clock.time() * 1000),
            request=ex.id,
            number=len(ex.attempts) + 1,
            node=self._services.node_id,
            consumer=who,
            groups=purse.groups,
            route=ex.route.id if ex.route is not None else "",
            asked_model=ex.peek.model[:256],
            model="" if kept else (target.model or ex.peek.model)[:256],
            provider=target.endpoint.name,
            target=target.name,
            session=session,
            tags=tags,
            price_source="" if kept else prices_version(price),
            revision=ex.snapshot.revision,
            stream=ex.peek.stream,
            claims=tuple([share.claim for share in entry.shares]),
            lost_tokens=(usage.input_tokens, 0),
            lost_nano=lost_nano,
            lost=tuple([share.outcome(usage, lost_nano, sent=True) for share in entry.shares]),
            reservation=entry.reservation,
        )
        try:
            attempt_log.open(record)
        except LedgerFull as error:
            entry.release()
            message = "What this request costs cannot be written down now (the node's disk is full). Try again later."
            raise UpstreamError(503, "ledger_full", message, retry_after_s=10) from error


def _told(services: Services, ex: Exchange, purse: Purse) -> dict[str, Any]:
    """Of the request, for the operator."""
    who, session, tags = purse.who(ex)
    return {
        "node": services.node_id,
        "request": ex.id,
        "consumer": who,
        "groups": list(purse.groups),
        "route": ex.route.id if ex.route is not None else "",
        "model": ex.peek.model[:256],
        "session": session,
        "tags": tags,
        "stream": ex.peek.stream,
    }


def _needs_limit(shares: list[Share]) -> bool:
    """Whether a budget promises something that an answer without an end could break."""
    return any(share.claim.enforced and share.budget.resource.unit != "requests" for share in shares)


def _worst(ex: Exchange, target: Target, prepared: Prepared) -> Worst:
    """The most an attempt can come to."""
    if about_kept(ex):
        return NOTHING  # files, batches, stored answers: what they cost is known, and charged, when they are read
    body = prepared.body
    units, all_of_it = most_nano(ex, target.price) if target.price is not None else (0, False)
    if all_of_it:
        return Worst(0, 0, target.price, units_nano=units)
    read, media = input_at_most(ex, target, body)
    limit = prepared.output_limit
    if limit is None:
        limit = 0 if "embeddings" in prepared.spoken.name else target.max_output or ASSUMED_OUTPUT
    return Worst(read, limit * max(1, ex.peek.choices) + beside_the_limit(ex), price_at_most(ex, target), media, units)
