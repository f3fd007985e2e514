"""The instances of an AI plugin as targets. An instance that names only a vendor takes address and key from the
catalogue's provider of that name, so an operator can move a vendor for all routes at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.dispatch.setup.catalog import Catalog, known_target
from tollhouse.dataplane.dispatch.setup.endpoints import Endpoint, build_endpoint
from tollhouse.dataplane.dispatch.setup.options import Auth, Override, vendor
from tollhouse.dataplane.dispatch.setup.probed import probe_of
from tollhouse.proto.resources.upstream import ActiveCheck

_MAX_RESOLVED = 512
"""Model names come from clients; what is remembered of them is bounded."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance as configured, whichever plugin it stands in."""

    name: str
    provider: str
    auth: Auth | None = None
    weight: int = 1
    priority: int = 0
    options: Mapping[str, Any] | None = None
    override: Override | None = None
    serves: tuple[str, ...] | None = None
    """Glob patterns of the models it has itself; None: whatever is asked for."""
    fallback_model: str = ""
    """The model that stands in for others; empty: the vendor's."""
    ssl_verify: bool = True
    max_in_flight: int = 0
    check: ActiveCheck | None = None
    """How it is probed; None: as the provider of the catalogue it takes its address from, if it does."""


class Instances:
    """Targets per asked-for model. One per plugin; shared by exchanges."""

    def __init__(self, instances: Sequence[Instance]) -> None:
        self._instances = tuple(instances)
        self._providers: object = None
        self._endpoints: list[Endpoint | None] = []
        self._resolved: dict[str, tuple[Target, ...]] = {}

    def targets(self, asked: str, catalog: Catalog) -> tuple[Target, ...]:
        """The targets for a model name, those it cannot be asked of left out."""
        if self._providers is not catalog.providers:
            self._providers = catalog.providers
            self._endpoints = [_endpoint(instance, catalog) for instance in self._instances]
            self._resolved.clear()
        found = self._resolved.get(asked)
        if found is None:
            pairs = zip(self._instances, self._endpoints, strict=True)
            made = (_target(instance, endpoint, asked) for instance, endpoint in pairs if endpoint is not None)
            found = _with_rivals([target for target in made if target is not None])
            if len(self._resolved) >= _MAX_RESOLVED:
                self._resolved.clear()
            self._resolved[asked] = found
        return found

    def names(self) -> list[str]:
        """The models the instances name themselves, patterns left out."""
        named = [model for model in map(_fixed, self._instances) if model]
        for instance in self._instances:
            named += [pattern for pattern in instance.serves or () if not set(pattern) & set("*?[")]
            named += [instance.fallback_model] if instance.fallback_model else []
        return list(dict.fromkeys(named))


def _with_rivals(targets: Sequence[Target]) -> tuple[Target, ...]:
    """Each knows the prices of all, for what choosing it saved."""
    known = tuple(target.price for target in targets if target.price is not None and target.price.known)
    if len(known) < 2 or all(price == known[0] for price in known):
        return tuple(targets)
    return tuple(replace(target, rivals=known) for target in targets)


def _fixed(instance: Instance) -> str:
    model = (instance.options or {}).get("model")
    return model if isinstance(model, str) else ""


def _endpoint(instance: Instance, catalog: Catalog) -> Endpoint | None:
    provider = catalog.providers.get(instance.provider)
    url = instance.override.endpoint if instance.override is not None else None
    auth = instance.auth
    bare = auth is None or not (auth.header or auth.query or auth.credentials)
    if provider is not None and provider.endpoint.provider.type != instance.provider:
        provider = None  # somebody's provider of another type is called like this vendor
    if provider is not None and bare and not url and instance.ssl_verify:
        return provider.endpoint
    try:
        endpoint = build_endpoint(
            vendor(instance.provider),
            instance.provider,
            url=url or (provider.endpoint.url if provider is not None else ""),
            headers=auth.header if auth is not None else None,
            query=auth.query if auth is not None else None,
            verify=instance.ssl_verify,
            credentials=auth.credentials if auth is not None else None,
        )
    except ValueError:
        return None
    return endpoint if provider is None else replace(endpoint, prices=provider.endpoint.prices)


def _target(instance: Instance, endpoint: Endpoint, asked: str) -> Target | None:
    fixed = _fixed(instance)
    model = fixed or asked
    native = True
    if not fixed and instance.serves is not None and not any(fnmatchcase(asked, one) for one in instance.serves):
        native = False
        model = instance.fallback_model or endpoint.provider.fallback_model
        if not model:
            return None
    override = instance.override or Override()
    known = known_target(instance.name, endpoint, model, instance.weight, instance.priority)
    return replace(
        known,
        native=native,
        options=dict(instance.options or {}),
        max_tokens=override.llm_options.max_tokens,
        max_tokens_cap=override.llm_options.max_tokens_cap,
        overrides=override.request_body,
        max_in_flight=instance.max_in_flight,
        force_overrides=override.request_body_force_override,
        probe=probe_of(endpoint, instance.check) or endpoint.probe,
        key=f"{endpoint.key}/{fixed or (model if not native else '')}",
    )
