"""Send requests to one of several instances, or to the models of the catalogue, with failing over (APISIX
``ai-proxy-multi``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tollhouse.dataplane.dispatch import tutorial
from tollhouse.dataplane.dispatch.body_size import require_size
from tollhouse.dataplane.dispatch.config import limits_of, missing_endpoint
from tollhouse.dataplane.dispatch.drive import Driver
from tollhouse.dataplane.dispatch.hash_key import hash_key
from tollhouse.dataplane.dispatch.instances import Instance, Instances
from tollhouse.dataplane.dispatch.listing import find_model, list_models, of_names
from tollhouse.dataplane.dispatch.multi_config import InstanceConfig, MultiConfig, policy_of
from tollhouse.dataplane.dispatch.plan import ALLOWED, PATIENT, Limits, Turns, plan_of, select
from tollhouse.dataplane.dispatch.probes import InstanceProbes
from tollhouse.dataplane.dispatch.targets import Target, states_of
from tollhouse.dataplane.engine.choose import Choice, Order
from tollhouse.dataplane.exchange import Exchange, ExplainTarget
from tollhouse.dataplane.plugin import DispatchPlugin, Place, PluginConfig
from tollhouse.dataplane.protocols._models import ListedModel
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage
from tollhouse.dataplane.transport import Timeouts


class AiProxyMulti(DispatchPlugin[MultiConfig]):
    """Several targets: chosen by priority, weight or hash; left behind when they fail."""

    name = "ai-proxy-multi"
    stage = Stage.DISPATCH
    priority = 1041
    Config = MultiConfig

    def __init__(
        self, config: MultiConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._driver = Driver(services)
        self._policy = policy_of(config)
        self._limits = limits_of(config, None if config.instances else PATIENT)
        balancer = config.balancer
        self._key = hash_key(balancer.hash_on, balancer.key) if balancer.algorithm == "chash" else None
        self._turns: dict[str, Turns] = {}
        instances = config.instances or ()
        self._instances = Instances([_instance(one, config.ssl_verify) for one in instances])
        self._probes = InstanceProbes({one.name: one.checks.active for one in instances if one.checks}, services, place)

    @classmethod
    def normalise(cls, config: dict[str, Any], resource: dict[str, Any]) -> list[str]:
        """The tutorial's spelling: an upstream of vendors' hosts, and options at the top level."""
        return tutorial.normalise_multi(config, resource)

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """Vendors without an address need one."""
        assert isinstance(config, MultiConfig)
        problems = []
        for number, one in enumerate(config.instances or ()):
            problem = missing_endpoint(one.provider, one.override)
            problems += [f"instances[{number}]: {problem}"] if problem else []
        return problems

    async def dispatch(self, ex: Exchange) -> Reply:
        """Choose and send."""
        require_size(ex, self._limits.max_body_bytes)
        targets, limits, turns_of = self._targets(ex)
        self._probes.start(self._instances)
        turns = self._turns.setdefault(turns_of, Turns())
        order = turns.round_robin() if self._key is None else turns.hashed(self._key(ex))
        choice = self._choose(ex, targets, order)
        return await self._driver.send(ex, plan_of(choice, targets, self._policy, limits))

    def _targets(self, ex: Exchange) -> tuple[Sequence[Target], Limits, str]:
        """The targets for the asked-for model, how patiently to treat them, and whose turns count."""
        if self.config.instances:
            return self._instances.targets(ex.peek.model, ex.snapshot.models), self._limits, ""
        model = find_model(ex, self._served())
        limits = self._limits
        if model.timeout_s is not None and not {"timeout", "timeouts"} & self.config.model_fields_set:
            step = model.timeout_s
            limits = limits_of(self.config, Timeouts(step, step, step, step))
        return model.targets, limits, model.id

    def _served(self) -> Sequence[str] | None:
        models = self.config.models
        return None if models is None or models == "*" else models

    def _choose(self, ex: Exchange, targets: Sequence[Target], order: Order) -> Choice:
        now = self.services.clock.monotonic()
        states = states_of(self.services)
        healthy = self._probes.healthy
        return select(ex, targets, order, states, now, probed=lambda one: healthy(one.name))

    def explain(self, ex: Exchange) -> list[ExplainTarget]:
        """In the order of trying; without taking a turn, so of equals the heavier one stands first."""
        targets, _, _ = self._targets(ex)
        if self._key is not None:
            return self._choose(ex, targets, Turns.hashed(self._key(ex))).explain()
        return self._choose(
            ex, targets, lambda weights, priority: sorted(weights, key=lambda name: -weights[name])
        ).explain()

    def models(self, ex: Exchange) -> list[ListedModel] | None:
        """The catalogue's models, or those the instances name."""
        if self.config.models is not None:
            return list_models(ex.snapshot.models, self._served(), ex.state.get(ALLOWED))
        return of_names(self._instances.names(), ex)

    async def close(self) -> None:
        """Probe no more."""
        self._probes.stop()


def _instance(config: InstanceConfig, verify: bool) -> Instance:
    return Instance(
        name=config.name,
        provider=config.provider,
        auth=config.auth,
        weight=config.weight,
        priority=config.priority,
        options=config.options,
        override=config.override,
        serves=None if config.serves is None else tuple(config.serves),
        fallback_model=config.fallback_model or "",
        ssl_verify=verify,
    )
