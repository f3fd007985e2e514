"""Refuse requests beyond a number per time window."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic import Field
from tollhouse.dataplane.counting import (
    CountingConfig,
    Limits,
    caller,
    check_amount,
    check_counting,
    counter_policy,
    counters_down,
    key_template,
    tell_limit,
)
from tollhouse.dataplane.errors import ClientError, GatewayError, GatewayFault
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import CounterUnavailable, Limit, Services, Taken
from tollhouse.dataplane.stages import Stage
from tollhouse.dataplane.variables import Template, as_text, reader


class Rule(PluginConfig):
    """One of several limits that all apply."""

    count: int | str
    """Requests allowed in a window, or a variable that holds the number."""
    time_window: int | str
    """Length of the window in seconds, or a variable."""
    key: str = Field(min_length=1)
    """What is counted together: text with variables. A rule whose variables have no value does not apply."""
    header_prefix: str | None = None
    """Headers are called ``X-<prefix>-RateLimit-*``; without it the rule's position, from 1."""


class LimitCountConfig(CountingConfig):
    """APISIX's schema."""

    count: int | str | None = None
    """Requests allowed in a window, or a variable that holds the number."""
    time_window: int | str | None = None
    """Length of the window in seconds, or a variable."""
    rules: tuple[Rule, ...] | None = Field(default=None, min_length=1)
    """Several limits instead of ``count`` and ``time_window``."""
    window_type: Literal["fixed", "sliding"] = "fixed"
    """``fixed`` starts with the first request; ``sliding`` is never exceeded in any stretch of that length."""
    key: str = "remote_addr"
    """What is counted together; see ``key_type``."""
    key_type: Literal["var", "var_combination", "constant"] = "var"
    """``key`` is a variable's name, a text with ``$variables``, or the same for all requests."""
    group: str | None = Field(default=None, min_length=1)
    """Places with the same group share their counts; give them the same limits."""
    rejected_code: int | None = Field(default=None, ge=200, le=599)
    """Status of a refusal; without it 503 (APISIX), and 429 on routes that serve a model, as SDKs understand it."""
    rejected_msg: str | None = Field(default=None, min_length=1)
    """Text of a refusal."""
    show_limit_quota_header: bool = True
    """Tell limit, rest and seconds to the reset in headers."""
    sync_interval: float = -1
    """Only -1 (APISIX's default: count at once) is supported; workers already lease parts of large limits."""


class LimitCountMetadata(PluginConfig):
    """Names of the headers."""

    limit_header: str = "X-RateLimit-Limit"
    """The limit."""
    remaining_header: str = "X-RateLimit-Remaining"
    """What is left of it."""
    reset_header: str = "X-RateLimit-Reset"
    """Seconds until it begins anew."""


class _Part(NamedTuple):
    """One limit, compiled."""

    limits: Limits
    key: Template | None
    """None: the key of the config's top level."""
    headers: tuple[str, str, str]


class LimitCount(Plugin[LimitCountConfig]):
    """Counts are kept by place (or group), so editing a limit does not reset them."""

    name = "limit-count"
    stage = Stage.ADMIT
    priority = 1002
    Config = LimitCountConfig
    Metadata = LimitCountMetadata
    counts = True

    def __init__(
        self, config: LimitCountConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._policy = counter_policy(config, services.secrets)
        self._state = f"limit-count:{place}"
        self._where = f"limit-count:group/{config.group}" if config.group else f"limit-count:{place}"
        names = metadata if isinstance(metadata, LimitCountMetadata) else LimitCountMetadata()
        plain = (names.limit_header.lower(), names.remaining_header.lower(), names.reset_header.lower())
        if config.rules:
            self._parts = [self._rule(position, rule) for position, rule in enumerate(config.rules, 1)]
        else:
            limits = Limits(self._where, config.count or 0, config.time_window or 0, config.window_type, self._policy)
            self._parts = [_Part(limits, None, plain)]
        self._read_key = reader(config.key)
        self._key = key_template(config.key)

    def _rule(self, position: int, rule: Rule) -> _Part:
        prefix = f"x-{rule.header_prefix or position}-ratelimit".lower()
        headers = (f"{prefix}-limit", f"{prefix}-remaining", f"{prefix}-reset")
        where, kind = f"{self._where}:{rule.key}", self.config.window_type
        limits = Limits(where, rule.count, rule.time_window, kind, self._policy)
        return _Part(limits, key_template(rule.key), headers)

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        assert isinstance(config, LimitCountConfig)
        found = check_counting(config)
        if config.rules is not None:
            if config.count is not None or config.time_window is not None:
                found.append("rules: cannot be combined with count and time_window; write that limit as a rule too")
            keys = [rule.key for rule in config.rules]
            found += [
                f"rules: the key {key!r} is there twice" for key in sorted({k for k in keys if keys.count(k) > 1})
            ]
            for position, rule in enumerate(config.rules):
                found += check_amount(f"rules.{position}.count", rule.count)
                found += check_amount(f"rules.{position}.time_window", rule.time_window)
        elif config.count is None or config.time_window is None:
            found.append("count and time_window are both needed, or rules")
        found += check_amount("count", config.count) + check_amount("time_window", config.time_window)
        if config.sync_interval != -1:
            found.append(
                f"sync_interval: only -1 is supported, came {config.sync_interval:g}; leave it out, large limits are "
                "leased to the workers in parts and cost no round trip per request anyway"
            )
        return found

    async def request(self, ex: Exchange) -> None:
        """Take one of every limit, or give back what was taken and refuse."""
        taken: list[tuple[_Part, Limit, Taken]] = []
        ex.state[self._state] = taken
        counters = self.services.counters
        for part, limit in self._limits(ex):
            try:
                result = counters.at_hand(limit) or await counters.take(limit)
            except CounterUnavailable:
                self._undo(taken)
                raise counters_down("failed to limit count") from None
            if not result.allowed:
                self._undo(taken)
                ex.state[self._state] = [(part, limit, result)]
                raise self._refusal(ex, result)
            taken.append((part, limit, result))

    def reply(self, ex: Exchange, reply: Reply) -> None:
        """Tell what is left."""
        if not self.config.show_limit_quota_header:
            return
        for part, limit, result in ex.state.get(self._state, ()):
            tell_limit(reply, part.headers, limit, result)

    def _undo(self, taken: list[tuple[_Part, Limit, Taken]]) -> None:
        for _, limit, result in taken:
            self.services.counters.settle(limit, -1, result)

    def _limits(self, ex: Exchange) -> list[tuple[_Part, Limit]]:
        limits = []
        for part in self._parts:
            if part.key is None:
                key = self._plain_key(ex)
            else:
                key, known = part.key.resolved(ex)
                if part.key.names and not known:
                    continue
            limit = part.limits.of(ex, key)
            if limit is not None:
                limits.append((part, limit))
            elif part.key is None:
                raise GatewayFault("limit_unresolved", f"limit-count: {part.limits.text} is no number.")
        return limits

    def _plain_key(self, ex: Exchange) -> str:
        config = self.config
        if config.key_type == "constant":
            return config.key
        if config.key_type == "var":
            found = caller(ex) if config.key == "consumer_name" else as_text(self._read_key(ex))
        else:
            found, known = self._key.resolved(ex)
            if self._key.names and not known:
                found = ""
        return found or ex.client_ip

    def _refusal(self, ex: Exchange, result: Taken) -> GatewayError:
        config = self.config
        status = config.rejected_code or (503 if ex.protocol is None else 429)
        message = config.rejected_msg or f"Too many requests. Try again in {int(result.reset_s + 0.999)} s."
        body: Any = {"error_msg": config.rejected_msg} if config.rejected_msg else {"error_msg": message}
        return ClientError(status, "rate_limited", message, retry_after_s=max(1.0, result.reset_s), apisix_body=body)
