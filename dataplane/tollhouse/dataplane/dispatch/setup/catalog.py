"""The catalogue of one snapshot: models by name and alias, providers by id, facts filled in from the bundled table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from tollhouse.dataplane import registry
from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.dispatch.setup.endpoints import Endpoint, build_endpoint
from tollhouse.dataplane.dispatch.setup.probed import probe_of
from tollhouse.proto.catalog import lookup
from tollhouse.proto.catalog.merging import UNKNOWN_PRICE, merge_price, price_for
from tollhouse.proto.resources.strategy import Fallbacks, Strategy


@dataclass(frozen=True, slots=True)
class CompiledProvider:
    """A provider ready to be used: its endpoint, and how patient to be with it."""

    id: str
    endpoint: Endpoint
    timeout_s: float | None
    """Per phase; None: nothing was configured."""


IN_TURN = Strategy()
"""Round robin by weight."""


@dataclass(frozen=True, slots=True)
class CompiledModel:
    """A public name with its targets."""

    id: str
    aliases: tuple[str, ...]
    targets: tuple[Target, ...]
    problems: tuple[str, ...]
    """What could not be compiled: targets of providers that do not exist, say. Such targets are left out."""
    timeout_s: float | None
    created: int = 0
    display_name: str = ""
    strategy: Strategy = IN_TURN
    fallbacks: Fallbacks | None = None


class Catalog:
    """Immutable; unchanged entries are the same objects from snapshot to snapshot."""

    __slots__ = ("_models", "_names", "_providers", "_sources")

    def __init__(self) -> None:
        self._models: dict[str, CompiledModel] = {}
        self._names: dict[str, CompiledModel] = {}
        self._providers: dict[str, CompiledProvider] = {}
        self._sources: tuple[dict[str, Any], dict[str, Any]] = ({}, {})

    @classmethod
    def build(cls, models: Mapping[str, Any], providers: Mapping[str, Any], previous: Catalog | None = None) -> Catalog:
        """From parsed ``models`` and ``providers`` resources by id. Never fails: what is broken is left out and told
        in ``problems`` of its model."""
        catalog = cls()
        catalog._sources = (dict(models), dict(providers))
        same_providers = previous is not None and previous._sources[1] == catalog._sources[1]
        if previous is not None and same_providers:
            catalog._providers = previous._providers
        else:
            catalog._providers = _providers(providers)
        for model_id, model in models.items():
            if previous is not None and same_providers and previous._sources[0].get(model_id) == model:
                compiled = previous._models[model_id]
            else:
                compiled = _model(model_id, model, catalog._providers)
            catalog._models[model_id] = compiled
        for compiled in catalog._models.values():
            for alias in compiled.aliases:
                catalog._names.setdefault(alias, compiled)
        catalog._names.update(catalog._models)  # a name outweighs another model's alias
        return catalog

    @property
    def models(self) -> Mapping[str, CompiledModel]:
        """By id."""
        return self._models

    @property
    def providers(self) -> Mapping[str, CompiledProvider]:
        """By id, the vendors' own types among them. The same object while no provider changes."""
        return self._providers

    def find(self, name: str) -> CompiledModel | None:
        """A model by its name or one of its aliases."""
        return self._names.get(name)

    def similar(self, name: str, among: list[str], count: int = 5) -> list[str]:
        """Names to suggest: the closest ones, filled up in alphabetical order."""
        close = get_close_matches(name, among, count, 0.4)
        return (close + [other for other in sorted(among) if other not in close])[:count]


def _providers(resources: Mapping[str, Any]) -> dict[str, CompiledProvider]:
    compiled: dict[str, CompiledProvider] = {}
    for name, kind in registry.provider_types().items():
        try:
            compiled[name] = CompiledProvider(name, build_endpoint(kind, name), None)
        except ValueError:
            continue  # has no address of its own
    for provider_id, resource in resources.items():
        vendor = registry.provider_types().get(resource.type)
        if vendor is None:
            compiled.pop(provider_id, None)
            continue
        auth = resource.auth
        try:
            endpoint = build_endpoint(
                vendor,
                provider_id,
                url=resource.endpoint or "",
                headers=auth.header if auth is not None else None,
                query=auth.query if auth is not None else None,
                further=resource.headers,
                verify=resource.ssl_verify,
                credentials=auth.credentials if auth is not None else None,
                region=str((resource.labels or {}).get("region", "")),
            )
        except ValueError:
            compiled.pop(provider_id, None)
            continue
        check = resource.checks.active if resource.checks is not None else None
        endpoint = replace(endpoint, prices=dict(resource.prices), probe=probe_of(endpoint, check))
        patience = resource.timeout / 1000 if "timeout" in resource.model_fields_set else None
        compiled[provider_id] = CompiledProvider(provider_id, endpoint, patience)
    return compiled


def _model(model_id: str, model: Any, providers: Mapping[str, CompiledProvider]) -> CompiledModel:
    targets: list[Target] = []
    problems: list[str] = []
    patience: list[float] = []
    names: set[str] = set()
    for entry in model.targets:
        provider = providers.get(entry.provider)
        if provider is None:
            problems.append(
                f"models/{model_id}: there is no usable provider {entry.provider!r}; "
                "create providers/<id> with a known type and an endpoint, or name a vendor type"
            )
            continue
        if provider.timeout_s is not None:
            patience.append(provider.timeout_s)
        name = entry.provider if entry.provider not in names else f"{entry.provider}/{entry.model}"
        names.add(name)
        target = known_target(name, provider.endpoint, entry.model, entry.weight, entry.priority, model)
        if entry.checks is not None:
            target = replace(target, probe=probe_of(provider.endpoint, entry.checks.active))
        targets.append(replace(target, max_in_flight=entry.max_in_flight))
    created = model.create_time or 0
    timeout_s = max(patience) if patience else None
    return CompiledModel(
        model_id,
        tuple(model.aliases),
        tuple(targets),
        tuple(problems),
        timeout_s,
        created,
        model.name or "",
        model.strategy,
        model.fallbacks,
    )


def known_target(
    name: str, endpoint: Endpoint, model: str, weight: int = 1, priority: int = 0, resource: Any = None
) -> Target:
    """A target with its facts: the model resource's word first, then the bundled table's."""
    known = lookup(endpoint.provider.type, model)
    capabilities: Mapping[str, bool] = resource.capabilities if resource is not None else {}
    lacks = {name for name in known.lacks if capabilities.get(name) is not True}
    lacks |= {name for name, has in capabilities.items() if has is False}
    price = merge_price(price_for(model, endpoint.prices), known.price)
    if resource is not None:
        price = merge_price(resource.price, price)
    policy = ""
    if price is None:
        by_default = "free" if endpoint.provider.type == "openai-compatible" else "estimate"
        policy = (resource.unknown_price if resource is not None else None) or by_default
        price = UNKNOWN_PRICE.get(policy)
    return Target(
        name=name,
        endpoint=endpoint,
        model=model,
        weight=weight,
        priority=priority,
        price=price,
        unknown_price=policy,
        context_window=(resource.context_window if resource is not None else 0) or known.context_window,
        max_output=(resource.max_output_tokens if resource is not None else 0) or known.max_output,
        lacks=frozenset(lacks),
        prefills=capabilities.get("prefill", "prefill" in known.has),
        key=f"{endpoint.key}/{model}",
        probe=endpoint.probe,
    )
