"""Send requests to one provider (APISIX ``ai-proxy``)."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator
from tollhouse.dataplane.dispatch.attempts.drive import Driver
from tollhouse.dataplane.dispatch.choosing.plan import Turns, plan_of, plan_of_one, select
from tollhouse.dataplane.dispatch.choosing.targets import states_of
from tollhouse.dataplane.dispatch.plain.body_size import require_size
from tollhouse.dataplane.dispatch.plain.stored import plan_stored
from tollhouse.dataplane.dispatch.setup import tutorial
from tollhouse.dataplane.dispatch.setup.instances import Instance, Instances
from tollhouse.dataplane.dispatch.setup.listing import of_names
from tollhouse.dataplane.dispatch.setup.options import (
    Auth,
    Override,
    ProviderConf,
    ProviderType,
    ProxyConfig,
    limits_of,
    located,
    missing_endpoint,
)
from tollhouse.dataplane.engine.choose import Choice
from tollhouse.dataplane.engine.failover import NO_FAILOVER
from tollhouse.dataplane.exchange import Exchange, ExplainTarget
from tollhouse.dataplane.plugin import DispatchPlugin, Place, PluginConfig
from tollhouse.dataplane.protocols._models import ListedModel
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage

_OF_MULTI = (
    *("instances", "models", "balancer", "fallbacks", "fallback_strategy", "fallback_http_statuses", "max_retries"),
    *("retry_on_failure_within_ms", "hedge_after_ms", "continue_streams", "queue", "explain"),
)
"""What is about more than one target or more than one try."""


class SingleConfig(ProxyConfig):
    """One provider and how it is asked."""

    provider: ProviderType
    """The vendor's type."""
    auth: Auth | None = None
    """What is sent to be let in; the vendor's usual environment variable when not given."""
    options: dict[str, Any] = {}
    """Body fields that overwrite the client's, ``model`` among them."""
    provider_conf: ProviderConf | None = None
    """Where bedrock or vertex-ai has the models, instead of an address."""
    override: Override | None = None
    """Another address, forced options."""

    @model_validator(mode="before")
    @classmethod
    def _of_one(cls, value: Any) -> Any:
        found = [name for name in _OF_MULTI if isinstance(value, dict) and name in value]
        if found:
            raise ValueError(
                f"{', '.join(found)}: ai-proxy sends to one target once; use ai-proxy-multi, with one instance"
            )
        return value


class AiProxy(DispatchPlugin[SingleConfig]):
    """One target, one try: what it answers is the answer."""

    name = "ai-proxy"
    stage = Stage.DISPATCH
    priority = 1040
    Config = SingleConfig

    def __init__(
        self, config: SingleConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._driver = Driver(services)
        self._limits = limits_of(config, None)
        self._turns = Turns()
        self._instances = Instances(
            [
                Instance(
                    name=f"ai-proxy-{config.provider}",
                    provider=config.provider,
                    auth=config.auth,
                    options=config.options,
                    override=located(config.provider, config.override, config.provider_conf),
                    ssl_verify=config.ssl_verify,
                )
            ]
        )

    @classmethod
    def normalise(cls, config: dict[str, Any], resource: dict[str, Any]) -> list[str]:
        """``max_tokens`` and ``temperature`` at the top level mean ``options``."""
        return tutorial.normalise_single(config)

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """A vendor without an address needs one."""
        assert isinstance(config, SingleConfig)
        problem = missing_endpoint(config.provider, config.override, config.provider_conf)
        return [problem] if problem else []

    async def dispatch(self, ex: Exchange) -> Reply:
        """Send it."""
        require_size(ex, self._limits.max_body_bytes)
        targets = self._instances.targets(ex.peek.model, ex.snapshot.models)
        if ex.protocol is not None and ex.protocol.opaque:
            stored = plan_stored(ex, targets, self._limits, shares=self.config.shares_stored)
            if stored is not None:
                return await self._driver.send(ex, stored)
        plan = plan_of_one(ex, targets, NO_FAILOVER, self._limits, states_of(self.services))
        if plan is None:
            plan = plan_of(self._choose(ex), targets, NO_FAILOVER, self._limits)
        return await self._driver.send(ex, plan)

    def _choose(self, ex: Exchange) -> Choice:
        targets = self._instances.targets(ex.peek.model, ex.snapshot.models)
        now = self.services.clock.monotonic()
        return select(ex, targets, self._turns.round_robin(), states_of(self.services), now)

    def explain(self, ex: Exchange) -> list[ExplainTarget]:
        """The one target."""
        return self._choose(ex).explain()

    def models(self, ex: Exchange) -> list[ListedModel] | None:
        """The model the config names, if it does."""
        return of_names(self._instances.names(), ex)
