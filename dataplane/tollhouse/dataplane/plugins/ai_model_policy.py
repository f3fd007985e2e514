"""ai-model-policy: which models and providers a consumer or a group may use."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import ClassVar

from pydantic import Field
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.permitted import ALLOWED, PROVIDERS, REGIONS, confine, is_allowed
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.records.verdicts import Verdict, add_verdict
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage


class ModelRule(PluginConfig):
    """What some callers may use. Names are glob patterns."""

    consumers: tuple[str, ...] = ()
    """Consumers it is for."""
    groups: tuple[str, ...] = ()
    """Consumer groups it is for; with neither it is for everybody."""
    models: tuple[str, ...] | None = None
    """Models they may ask for, and that may stand in for one; without it all."""
    deny_models: tuple[str, ...] = ()
    """Models they may not ask for, whatever ``models`` says."""
    providers: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Providers (their ids, or their types where they have none) that may serve them; without it all."""
    regions: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Regions (``eu-*``) that may serve them; without it all. A provider's region is its label ``region``, or what its
    address or signing key says; one that names none is left out."""


class ModelPolicyConfig(PluginConfig):
    """The first rule that is for the caller counts."""

    rules: tuple[ModelRule, ...] = Field(min_length=1, max_length=1000)
    """Who may use what."""
    shadow: bool = False
    """Refuse nothing, only tell what would have been refused."""


class AiModelPolicy(Plugin[ModelPolicyConfig]):
    """A caller no rule is for may use nothing. What stands in for a model on a fallback, and the provider of every
    hop, is held to the same rule."""

    name: ClassVar[str] = "ai-model-policy"
    stage: ClassVar[Stage] = Stage.ADMIT
    priority: ClassVar[int] = 1045
    Config: ClassVar[type[PluginConfig]] = ModelPolicyConfig
    needs_document: ClassVar[bool] = True

    def __init__(
        self, config: ModelPolicyConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._counted = services.metrics.counter(
            "tollhouse_guard_verdicts_total", "What guards decided.", ("rule_group", "action", "direction")
        )

    def request(self, ex: Exchange) -> None:
        """Raises ClientError 403 ``model_not_allowed``."""
        if ex.protocol is None or ex.document is None:
            return
        rule = self._rule(ex)
        model = ex.peek.model
        reason = ""
        if rule is None:
            reason = "no rule lets you use models here"
        elif not is_allowed(model, _patterns(rule)):
            reason = f"you may not use {model!r}"
        if reason:
            rule_name, shadow = f"model/{model}"[:120], self.config.shadow
            action = "shadow_block" if shadow else "block"
            self._counted("policy.model", action, "input").add()
            add_verdict(ex, Verdict(self.name, rule_name, "policy.model", "block", "input", "model", shadow=shadow))
            if not self.config.shadow:
                raise ClientError(403, "model_not_allowed", f"Not allowed: {reason}.", param="model")
        if rule is not None and not self.config.shadow:
            _note(ex, rule)

    def narrow(self, ex: Exchange) -> None:
        """A list of models shows what the caller may use."""
        rule = self._rule(ex)
        if self.config.shadow:
            return
        if rule is None:
            confine(ex, ALLOWED, ())
        else:
            _note(ex, rule)

    def _rule(self, ex: Exchange) -> ModelRule | None:
        group = ex.consumer.group_id if ex.consumer is not None else ""
        for rule in self.config.rules:
            everybody = not rule.consumers and not rule.groups
            if everybody or _matches(rule.consumers, ex.consumer_name) or (group and _matches(rule.groups, group)):
                return rule
        return None


def _note(ex: Exchange, rule: ModelRule) -> None:
    """For the dispatcher, which asks again before every attempt."""
    if rule.models is not None or rule.deny_models:
        confine(ex, ALLOWED, _patterns(rule))
    for key, allowed in ((PROVIDERS, rule.providers), (REGIONS, rule.regions)):
        if allowed is not None:
            confine(ex, key, allowed)


def _patterns(rule: ModelRule) -> list[str]:
    """Of the models a rule leaves."""
    return [*(rule.models if rule.models is not None else ("*",)), *(f"!{one}" for one in rule.deny_models)]


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
