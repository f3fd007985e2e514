"""Send requests to one of several instances, or to the models of the catalogue, with failing over (APISIX
``ai-proxy-multi``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tollhouse.dataplane.dispatch.attempts.drive import Driver
from tollhouse.dataplane.dispatch.choosing.chains import chain_targets, explain_chains
from tollhouse.dataplane.dispatch.choosing.explaining import wants_explanation
from tollhouse.dataplane.dispatch.choosing.plan import PATIENT, Limits, plan_of, select
from tollhouse.dataplane.dispatch.choosing.strategy import Chooser, Ordering
from tollhouse.dataplane.dispatch.choosing.targets import Target, states_of
from tollhouse.dataplane.dispatch.plain.body_size import require_size
from tollhouse.dataplane.dispatch.plain.stored import only_speakers, plan_stored
from tollhouse.dataplane.dispatch.setup import tutorial
from tollhouse.dataplane.dispatch.setup.instances import Instance, Instances
from tollhouse.dataplane.dispatch.setup.listing import find_model, is_served, list_models, of_names
from tollhouse.dataplane.dispatch.setup.multi_options import InstanceConfig, MultiConfig, limits_with, policy_of
from tollhouse.dataplane.dispatch.setup.options import limits_of, located, missing_endpoint
from tollhouse.dataplane.engine.choose import Choice, Order
from tollhouse.dataplane.exchange import Exchange, ExplainTarget
from tollhouse.dataplane.permitted import ALLOWED
from tollhouse.dataplane.plugin import DispatchPlugin, Place, PluginConfig
from tollhouse.dataplane.protocols._models import ListedModel
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage
from tollhouse.dataplane.transport import Timeouts
from tollhouse.proto.resources.strategy import Fallbacks, Strategy


@dataclass(frozen=True, slots=True)
class Serving:
    """Who may serve a request and how."""

    targets: Sequence[Target]
    limits: Limits
    chooser: Chooser
    fallbacks: Fallbacks | None


class AiProxyMulti(DispatchPlugin[MultiConfig]):
    """Several targets: chosen by a strategy; left behind when they fail."""

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
        self._limits = limits_with(config, limits_of(config, None if config.instances else PATIENT))
        self._choosers: dict[str, Chooser] = {}
        instances = config.instances or ()
        self._instances = Instances([_instance(one, config.ssl_verify) for one in instances])

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
            problem = missing_endpoint(one.provider, one.override, one.provider_conf)
            problems += [f"instances[{number}]: {problem}"] if problem else []
        return problems

    async def dispatch(self, ex: Exchange) -> Reply:
        """Choose and send."""
        require_size(ex, self._limits.max_body_bytes)
        if ex.protocol is not None and ex.protocol.opaque:
            stored = plan_stored(ex, self._reachable(ex), self._limits, shares=self.config.shares_stored)
            if stored is not None:
                return await self._driver.send(ex, stored)
        serving = self._serving(ex)
        order = self._order(ex, serving, preview=False)
        choice = self._choose(ex, serving.targets, order)
        chains = chain_targets(ex, serving.fallbacks, serving.targets)
        plan = plan_of(choice, serving.targets, self._policy, serving.limits, chains, serving.chooser)
        if wants_explanation(ex, self.config.explain):
            plan.told = choice.explain(order.why) + explain_chains(ex, serving.fallbacks, serving.targets)
        return await self._driver.send(ex, plan)

    def _serving(self, ex: Exchange) -> Serving:
        """Who may serve the asked-for model, how one is chosen, and how patiently they are treated."""
        config = self.config
        if config.instances:
            targets = only_speakers(ex, self._instances.targets(ex.peek.model, ex.snapshot.models))
            return Serving(targets, self._limits, self._chooser("", config.balancer), config.fallbacks)
        model = find_model(ex, self._served())
        limits = self._limits
        if model.timeout_s is not None and not {"timeout", "timeouts"} & config.model_fields_set:
            step = model.timeout_s
            limits = limits_with(config, limits_of(config, Timeouts(step, step, step, step)))
        strategy = config.balancer if "balancer" in config.model_fields_set else model.strategy
        return Serving(
            only_speakers(ex, model.targets),
            limits,
            self._chooser(model.id, strategy),
            config.fallbacks or model.fallbacks,
        )

    def _reachable(self, ex: Exchange) -> Iterator[Target]:
        """Every target of the route, whatever the model."""
        catalog = ex.snapshot.models
        if self.config.instances:
            yield from self._instances.targets("", catalog)
            return
        for model in catalog.models.values():
            if is_served(model, self._served()):
                yield from model.targets

    def _chooser(self, name: str, strategy: Strategy) -> Chooser:
        """The strategy with its memory, which a change of the strategy ends."""
        known = self._choosers.get(name)
        if known is None or known.spec != strategy:
            known = self._choosers[name] = Chooser(strategy)
        return known

    def _order(self, ex: Exchange, serving: Serving, *, preview: bool) -> Ordering:
        services = self.services
        luck = services.luck.random() if serving.chooser.spec.algorithm == "latency" else 1.0
        states, now = states_of(services), services.clock.monotonic()
        return serving.chooser.order(ex, serving.targets, states, now, luck, preview=preview)

    def _served(self) -> Sequence[str] | None:
        models = self.config.models
        return None if models is None or models == "*" else models

    def _choose(self, ex: Exchange, targets: Sequence[Target], order: Order) -> Choice:
        now = self.services.clock.monotonic()
        states = states_of(self.services)
        return select(ex, targets, order, states, now)

    def explain(self, ex: Exchange) -> list[ExplainTarget]:
        """In the order of trying; without taking a turn, so of equals in turn the heavier one stands first."""
        serving = self._serving(ex)
        order = self._order(ex, serving, preview=True)
        told = self._choose(ex, serving.targets, order).explain(order.why)
        return told + explain_chains(ex, serving.fallbacks, serving.targets)

    def models(self, ex: Exchange) -> list[ListedModel] | None:
        """The catalogue's models, or those the instances name."""
        if self.config.models is not None:
            return list_models(ex.snapshot.models, self._served(), ex.state.get(ALLOWED), ex.state)
        return of_names(self._instances.names(), ex)


def _instance(config: InstanceConfig, verify: bool) -> Instance:
    return Instance(
        name=config.name,
        provider=config.provider,
        auth=config.auth,
        weight=config.weight,
        priority=config.priority,
        options=config.options,
        override=located(config.provider, config.override, config.provider_conf),
        serves=None if config.serves is None else tuple(config.serves),
        fallback_model=config.fallback_model or "",
        ssl_verify=verify,
        max_in_flight=config.max_in_flight or 0,
        check=config.checks.active if config.checks is not None else None,
    )
