"""Limit tokens, requests, or what a formula makes of the usage, per time window: reserved before the call, corrected
after it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from pydantic import Field
from tollhouse.dataplane.counting import (
    CountingConfig,
    Limits,
    check_amount,
    check_counting,
    counter_policy,
    counters_down,
    key_template,
    tell_limit,
)
from tollhouse.dataplane.engine.arithmetic import compile_formula
from tollhouse.dataplane.engine.token_charge import Charge, Strategy
from tollhouse.dataplane.errors import ClientError, GatewayFault
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import CounterPolicy, CounterUnavailable, Limit, Services, Taken
from tollhouse.dataplane.stages import Stage
from tollhouse.dataplane.variables import Template

SPENT = "spent_targets"
"""State read by the dispatcher: names of targets whose quota is used up."""


class InstanceLimit(PluginConfig):
    """A limit of one target."""

    name: str = Field(min_length=1)
    """Name of the instance of ``ai-proxy-multi`` (with ``ai-proxy``: ``ai-proxy-<provider>``)."""
    limit: int | str
    """Units allowed in a window, or a variable that holds the number."""
    time_window: int | str
    """Length of the window in seconds, or a variable."""


class Rule(PluginConfig):
    """One of several limits that all apply."""

    count: int | str
    """Units allowed in a window, or a variable that holds the number."""
    time_window: int | str
    """Length of the window in seconds, or a variable."""
    key: str = Field(min_length=1)
    """What is counted together: text with variables, ``$consumer_name`` say (without a consumer it is the presented
    credential, else the client's address). A rule whose variables have no value does not apply."""
    header_prefix: str | None = None
    """Headers are called ``X-AI-<prefix>-RateLimit-*``; without it the rule's position, from 1."""


class AiRateLimitingConfig(CountingConfig):
    """APISIX's schema, with two things of ours: the strategy ``requests``, and ``shadow``."""

    limit: int | str | None = None
    """Units allowed in a window, all targets together."""
    time_window: int | str | None = None
    """Length of the window in seconds."""
    instances: tuple[InstanceLimit, ...] | None = Field(default=None, min_length=1)
    """Limits of single targets; a target without room is left out while others have some."""
    rules: tuple[Rule, ...] | None = Field(default=None, min_length=1)
    """Several limits with keys of their own, instead of ``limit`` and ``instances``."""
    limit_strategy: Strategy = "total_tokens"
    """A unit: ``total_tokens``, ``prompt_tokens``, ``completion_tokens``, ``requests``, or an ``expression``."""
    cost_expr: str | None = Field(default=None, min_length=1)
    """With strategy ``expression``: arithmetic over usage fields, ``input_tokens + 4 * output_tokens`` say."""
    show_limit_quota_header: bool = True
    """Tell limit, rest and seconds to the reset in headers."""
    rejected_code: int | None = Field(default=None, ge=200, le=599)
    """Status of a refusal; without it 429, as SDKs understand it (APISIX: 503)."""
    rejected_msg: str | None = Field(default=None, min_length=1)
    """Text of a refusal."""
    shadow: bool = False
    """Refuse nothing; only count in the metrics what would have been refused."""


class _Part(NamedTuple):
    """One limit, compiled."""

    limits: Limits
    key: Template | None
    instance: str
    headers: tuple[str, str, str]


class _Held(NamedTuple):
    """What one exchange holds of one limit."""

    part: _Part
    limit: Limit
    units: int
    taken: Taken


class AiRateLimiting(Plugin[AiRateLimitingConfig]):
    """Counts are kept by place, so editing a limit does not reset them. A request is admitted while one unit is left,
    and holds its estimate until its usage is known: however many come at once, only one can pass the limit."""

    name = "ai-rate-limiting"
    stage = Stage.ADMIT
    priority = 1030
    Config = AiRateLimitingConfig
    counts = True

    def __init__(
        self, config: AiRateLimitingConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._policy = counter_policy(config, services.secrets)
        self._state = f"ai-rate-limiting:{place}"
        formula = compile_formula(config.cost_expr) if config.cost_expr else None
        self._charge = Charge(config.limit_strategy, formula)
        self._parts, self._instances = _parts(config, self._state, self._policy)
        self._refused = services.metrics.counter(
            "tollhouse_rate_limited_total",
            "Requests over a limit; mode shadow was let through.",
            ("plugin", "place", "mode"),
        )(self.name, str(place), "shadow" if config.shadow else "reject")

    @classmethod
    def normalise(cls, config: dict[str, Any], resource: dict[str, Any]) -> list[str]:
        """``rate_limit``, ``rate_limit_by`` and ``break_on_exceeded``, as tutorials have them."""
        if "rate_limit" not in config:
            return []
        count = config.pop("rate_limit")
        by = str(config.pop("rate_limit_by", "consumer"))
        stops = config.pop("break_on_exceeded", True)
        key = _KEYS.get(by) or f"${re.sub(r'[^a-zA-Z0-9_]', '_', by.removeprefix('$'))}"
        config["rules"] = [{"count": count, "time_window": 60, "key": key}]
        config["limit_strategy"] = "requests"
        notes = [f"ai-rate-limiting: rate_limit {count} by {by} is {count} requests per 60 s with the key {key}"]
        if stops is False:
            config["shadow"] = True
            notes.append("ai-rate-limiting: break_on_exceeded false is shadow: nothing is refused")
        return notes

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        assert isinstance(config, AiRateLimitingConfig)
        found = check_counting(config)
        if (config.limit is None) != (config.time_window is None):
            found.append("limit and time_window belong together")
        if config.rules and (config.limit is not None or config.instances):
            found.append("rules: cannot be combined with limit or instances; write those limits as rules too")
        if config.limit is None and not config.instances and not config.rules:
            found.append("nothing is limited: give limit and time_window, instances, or rules")
        found += check_amount("limit", config.limit) + check_amount("time_window", config.time_window)
        for position, one in enumerate(config.instances or ()):
            found += check_amount(f"instances.{position}.limit", one.limit)
            found += check_amount(f"instances.{position}.time_window", one.time_window)
        for position, rule in enumerate(config.rules or ()):
            found += check_amount(f"rules.{position}.count", rule.count)
            found += check_amount(f"rules.{position}.time_window", rule.time_window)
        for what, names in (
            ("instances: the name", [one.name for one in config.instances or ()]),
            ("rules: the key", [rule.key for rule in config.rules or ()]),
        ):
            found += [f"{what} {name!r} is there twice" for name in sorted({n for n in names if names.count(n) > 1})]
        return found + _check_expression(config)

    # -- before the call

    async def request(self, ex: Exchange) -> None:
        """Reserve on every limit, or give back what was reserved and refuse. Counting tokens asks no provider, and
        agents do it two dozen times at once: it is free."""
        if ex.document is None or (ex.protocol is not None and ex.protocol.operation == "count_tokens"):
            return
        held: list[_Held] = []
        ex.state[self._state] = held
        peek = ex.peek if ex.protocol is not None else None
        max_tokens, choices = (peek.max_tokens, peek.choices) if peek is not None else (None, 1)
        units = self._charge.reserve(len(ex.body or b""), max_tokens, choices)
        counters = self.services.counters
        try:
            for part in self._parts:
                limit = self._limit(ex, part)
                if limit is None:
                    continue
                taken = counters.at_hand(limit, units) or await counters.take(limit, units, partial=True)
                if taken.allowed:
                    held.append(_Held(part, limit, units, taken))
                else:
                    self._over(ex, held, part, limit, taken)
            if self._instances:
                await self._look_at_instances(ex)
        except CounterUnavailable:
            self._give_back(ex, held)
            raise counters_down("failed to limit the rate") from None

    def _over(self, ex: Exchange, held: list[_Held], part: _Part, limit: Limit, taken: Taken) -> None:
        """Raises the refusal, unless it is only to be counted."""
        self._refused.add()
        if self.config.shadow:
            return
        self._give_back(ex, held)
        ex.state[self._state] = [_Held(part, limit, 0, taken)]
        message = self.config.rejected_msg or (
            f"The rate limit of {limit.amount} {_UNITS[self._charge.strategy]} per {limit.window_s} s is reached. "
            f"Try again in {int(taken.reset_s + 0.999)} s."
        )
        raise ClientError(
            self.config.rejected_code or 429,
            "rate_limited",
            message,
            retry_after_s=max(1.0, taken.reset_s),
            apisix_body={"error_msg": message},
        )

    async def _look_at_instances(self, ex: Exchange) -> None:
        spent: dict[str, float] = ex.state.setdefault(SPENT, {})
        for part in self._instances:
            limit = self._limit(ex, part)
            if limit is None:
                continue
            left = await self.services.counters.look(limit)
            if not left.allowed:
                self._refused.add()
                if not self.config.shadow:
                    spent[part.instance] = left.reset_s

    def _limit(self, ex: Exchange, part: _Part) -> Limit | None:
        if part.key is not None:
            key, known = part.key.resolved(ex)
            return None if part.key.names and not known else part.limits.of(ex, key)
        limit = part.limits.of(ex)
        if limit is None:
            raise GatewayFault("limit_unresolved", f"ai-rate-limiting: {part.limits.text} is no number.")
        return limit

    def _give_back(self, ex: Exchange, held: list[_Held]) -> None:
        for one in held:
            self.services.counters.settle(one.limit, -one.units, one.taken)
        held.clear()

    # -- after it

    def reply(self, ex: Exchange, reply: Reply) -> None:
        """Tell what is left."""
        if not self.config.show_limit_quota_header:
            return
        for part, limit, _, taken in ex.state.get(self._state, ()):
            tell_limit(reply, part.headers, limit, taken)

    def settle(self, ex: Exchange) -> None:
        """Correct the reservations by the true usage, and charge the targets that were tried."""
        held: list[_Held] | None = ex.state.get(self._state)
        if held is None:
            return
        cost = self._charge.settle([attempt.usage for attempt in ex.attempts if attempt.usage is not None])
        for one in held:
            if one.units:
                self.services.counters.settle(one.limit, cost - one.units, one.taken)
        for part in self._instances:
            tried = [attempt for attempt in ex.attempts if attempt.target == part.instance]
            limit = self._limit(ex, part) if tried else None
            if limit is not None:
                usages = [attempt.usage for attempt in tried if attempt.usage is not None]
                self.services.counters.settle(limit, self._charge.settle(usages))


_KEYS = {
    "consumer": "$consumer_name",
    "consumer_name": "$consumer_name",
    "consumer_group": "$consumer_group_id",
    "ip": "$remote_addr",
    "remote_addr": "$remote_addr",
    "route": "$route_id",
    "model": "$request_llm_model",
}

_UNITS = {
    "total_tokens": "tokens",
    "prompt_tokens": "prompt tokens",
    "completion_tokens": "completion tokens",
    "expression": "units",
    "requests": "requests",
}


def _parts(config: AiRateLimitingConfig, where: str, policy: CounterPolicy) -> tuple[list[_Part], list[_Part]]:
    """The limits of whole requests, and those of single targets."""

    def limits(name: str, amount: int | str, window: int | str) -> Limits:
        return Limits(f"{where}:{name}", amount, window, "fixed", policy)

    parts = []
    if config.limit is not None and config.time_window is not None:
        headers = _headers("x-ai-ratelimit-{}")
        parts.append(_Part(limits("global", config.limit, config.time_window), None, "", headers))
    for position, rule in enumerate(config.rules or (), 1):
        headers = _headers(f"x-ai-{rule.header_prefix or position}-ratelimit-{{}}")
        key = key_template(rule.key)
        parts.append(_Part(limits(rule.key, rule.count, rule.time_window), key, "", headers))
    instances = [
        _Part(
            limits(f"instance/{one.name}", one.limit, one.time_window),
            None,
            one.name,
            _headers(f"x-ai-ratelimit-{{}}-{one.name}"),
        )
        for one in config.instances or ()
    ]
    return parts, instances


def _headers(pattern: str) -> tuple[str, str, str]:
    pattern = pattern.lower()
    return pattern.format("limit"), pattern.format("remaining"), pattern.format("reset")


def _check_expression(config: AiRateLimitingConfig) -> list[str]:
    if config.limit_strategy == "expression":
        if config.cost_expr is None:
            return ["cost_expr: needed with limit_strategy 'expression'"]
        try:
            compile_formula(config.cost_expr)
        except ValueError as error:
            return [f"cost_expr: {error}"]
    elif config.cost_expr is not None:
        return [f"cost_expr: has no meaning with limit_strategy {config.limit_strategy!r}; set it to 'expression'"]
    return []
