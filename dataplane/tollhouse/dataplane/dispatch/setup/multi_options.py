"""The config of ``ai-proxy-multi`` and the policy that follows from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from tollhouse.dataplane.dispatch.choosing.plan import BY_RECORD, Limits
from tollhouse.dataplane.dispatch.setup.options import Auth, Override, ProviderConf, ProviderType, ProxyConfig
from tollhouse.dataplane.engine.failover import NO_FAILOVER, Policy
from tollhouse.dataplane.plugin import PluginConfig
from tollhouse.proto.resources.strategy import Fallbacks, Strategy
from tollhouse.proto.resources.upstream import ActiveCheck

FallbackStrategy = Literal["rate_limiting", "http_429", "http_5xx"]
OneStrategy = Literal["instance_health_and_rate_limiting", "http_429", "http_5xx", "any"]


def _refused(name: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        if value is not None:
            raise ValueError(f"{name} belongs to the semantic balancer, which is not supported; remove it")
        return value

    return BeforeValidator(check)


class Queue(PluginConfig):
    """Where requests wait while every target has as many under way as it may. Callers are served in turn."""

    size: int = Field(default=100, ge=0, le=100_000)
    """How many may wait at one target and worker; further ones are refused with 503."""
    wait_ms: int = Field(default=2000, ge=0, le=600_000)
    """How long they wait."""


class InstanceChecks(PluginConfig):
    """Health checks of one instance."""

    active: ActiveCheck
    """Probes; the instance is skipped while they fail and another is fit."""


class InstanceConfig(PluginConfig):
    """One instance: a provider, and how it is asked."""

    name: str = Field(min_length=1, max_length=100)
    """Its name in headers, logs and metrics."""
    provider: ProviderType
    """The vendor's type."""
    auth: Auth | None = None
    """What is sent to be let in; the vendor's usual environment variable when not given."""
    weight: int = Field(ge=0)
    """Its share among instances of the same priority; 0 takes none."""
    max_in_flight: int | None = Field(default=None, ge=1)
    """Ours: how many requests the node sends it at a time (divided among the workers, one each at least)."""
    priority: int = 0
    """Instances of a lower priority serve only while none of a higher one can."""
    options: dict[str, Any] = {}
    """Body fields that overwrite the client's, ``model`` among them."""
    provider_conf: ProviderConf | None = None
    """Where bedrock or vertex-ai has the models, instead of an address."""
    override: Override | None = None
    """Another address, forced options."""
    checks: InstanceChecks | None = None
    """Health checks."""
    examples: Annotated[None, _refused("examples")] = None
    """APISIX's semantic balancer; refused."""
    threshold: Annotated[None, _refused("threshold")] = None
    """APISIX's semantic balancer; refused."""
    serves: list[str] | None = None
    """Ours: glob patterns of the models this instance has itself. It comes first for those; for others it stands in
    with ``fallback_model``."""
    fallback_model: str | None = None
    """Ours: the model asked for here when the client's is not among ``serves``; the vendor's usual one by default."""


class MultiConfig(ProxyConfig):
    """Instances or catalogue models, and when to move on from one to the next."""

    instances: Annotated[list[InstanceConfig], Field(min_length=1)] | None = None
    """Where requests may go."""
    models: Literal["*"] | list[str] | None = None
    """Ours, instead of ``instances``: serve the models of the catalogue, all of them or those named."""
    balancer: Strategy = Strategy()
    """How one instance is chosen among equals; where not given, as the catalogue's model says."""
    fallbacks: Fallbacks | None = None
    """Ours: who takes over for which reason, beyond the ordinary instances."""
    hedge_after_ms: Annotated[int, Field(ge=0)] | Literal["auto"] | None = 0
    """Ours: an instance that has not begun to answer after this long gets a rival; the first good answer counts. At
    most a fifth of the requests are sent twice, and both may be billed, so nobody gets one unasked. ``auto``: when it
    is late by its own record; ``0`` or ``null``: never. Failing over must be on."""
    continue_streams: bool = False
    """Ours: a stream of plain text (no tools, no format, no thinking) that breaks in the middle is continued once by
    another instance whose model takes up a begun answer (Claude up to 4.5); both parts are billed."""
    queue: Queue = Queue()
    """Ours: where requests wait for an instance with ``max_in_flight``."""
    explain: bool | list[str] = False
    """Ours: whether the request header ``x-tollhouse-explain: 1`` is answered with headers that say who was considered
    and why, for everybody or for the consumers named (glob patterns)."""
    fallback_strategy: OneStrategy | list[FallbackStrategy] | None = None
    """After which failures to try another instance. ``any`` is ours: whatever the failure's meaning allows. With
    ``models`` that is the default, with ``instances`` the default is not to."""
    fallback_http_statuses: list[Annotated[int, Field(ge=400, le=599)]] | None = None
    """Further statuses after which to try another instance."""
    max_retries: int | None = Field(default=None, ge=0)
    """Tries after the first; until all instances were tried when not given."""
    retry_on_failure_within_ms: int | None = Field(default=None, ge=1)
    """A failure that took longer than this is given to the client."""
    semantic_opts: Annotated[None, _refused("semantic_opts")] = None
    """APISIX's semantic balancer; refused."""

    @model_validator(mode="after")
    def _consistent(self) -> MultiConfig:
        if (self.instances is None) == (self.models is None):
            raise ValueError('give either instances, or models ("*" or a list of names)')
        names = [one.name for one in self.instances or ()]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two instances are called {name!r}; names must be unique")
        if self.instances is not None:
            self.balancer.check_tiers(names)
        return self


_TIMED_OUT = 504


def limits_with(config: MultiConfig, limits: Limits) -> Limits:
    """Limits with what this plugin has besides."""
    after = config.hedge_after_ms
    if after == "auto":
        statuses = policy_of(config).statuses
        hedge_s = BY_RECORD if statuses is None or _TIMED_OUT in statuses else None
    else:
        hedge_s = after / 1000 if after else None
    continues = config.continue_streams
    return replace(
        limits, hedge_s=hedge_s, continues=continues, queue_size=config.queue.size, queue_s=config.queue.wait_ms / 1000
    )


def policy_of(config: MultiConfig) -> Policy:
    """What may be tried after a failure."""
    strategy = config.fallback_strategy
    named = [strategy] if isinstance(strategy, str) else list(strategy or ())
    within_s = None if config.retry_on_failure_within_ms is None else config.retry_on_failure_within_ms / 1000
    deadline_s = None if config.timeouts.total is None else config.timeouts.total / 1000
    by_default = strategy is None and config.fallback_http_statuses is None and config.models is not None
    if by_default or "any" in named:
        return Policy(max_retries=config.max_retries, within_s=within_s, deadline_s=deadline_s)
    statuses = set(config.fallback_http_statuses or ())
    if "http_429" in named:
        statuses.add(429)
    if "http_5xx" in named:
        statuses |= set(range(500, 600))
    if not statuses:
        return NO_FAILOVER
    return Policy(
        statuses=frozenset(statuses),
        max_retries=config.max_retries,
        same_target_retries=0,
        within_s=within_s,
        deadline_s=deadline_s,
    )
