"""Finds the one-file extensions: plugins, protocols and providers, ours by folder and others' by entry point.

The control plane imports this module (and nothing else of the data plane) to check plugin configs with the very
classes that will run them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tollhouse.dataplane import plugins, protocols, providers
from tollhouse.dataplane.plugin import Plugin, PluginConfig
from tollhouse.dataplane.protocol import Protocol
from tollhouse.dataplane.provider import Provider
from tollhouse.dataplane.stages import Stage
from tollhouse.proto.problems import Problem
from tollhouse.proto.validation import explain_validation


class Meta(BaseModel):
    """What every plugin takes under ``_meta`` (APISIX)."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    disable: bool = False
    """Do not run the plugin; its config need not even be valid."""
    priority: int | None = None
    """Order inside the stage, instead of the plugin's own."""
    filter: list[Any] | None = None
    """Run only for requests this expression holds for; see routes' ``vars``."""
    error_response: str | dict[str, Any] | None = Field(default=None)
    """The body of any answer of 400 or above this plugin gives, instead of its own."""


def _modules(package: Any) -> Iterator[Any]:
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if not info.name.startswith("_"):
            yield importlib.import_module(f"{package.__name__}.{info.name}")


def _found(package: Any, base: type, group: str) -> Iterator[Any]:
    """Concrete classes defined in the modules of a package, and those outsiders register under an entry point."""
    for module in _modules(package):
        for thing in vars(module).values():
            if isinstance(thing, type) and issubclass(thing, base) and thing.__module__.startswith(module.__name__):
                yield thing
    for entry in entry_points(group=group):
        yield entry.load()


@cache
def plugin_classes() -> dict[str, type[Plugin[Any]]]:
    """Name -> class. Raises TypeError when a class lacks its name, stage or Config, or two share a name."""
    found: dict[str, type[Plugin[Any]]] = {}
    for cls in _found(plugins, Plugin, "tollhouse.plugins"):
        name = cls.__dict__.get("name")
        if name is None:  # an abstract helper in a plugin's own module
            continue
        for attribute in ("stage", "priority", "Config"):
            if not hasattr(cls, attribute):
                raise TypeError(f"plugin {name!r} ({cls.__module__}.{cls.__name__}) has no {attribute}")
        if name in found and found[name] is not cls:
            raise TypeError(f"two plugins are called {name!r}: {found[name].__module__} and {cls.__module__}")
        found[name] = cls
    return found


@cache
def protocol_list() -> tuple[Protocol, ...]:
    """One instance of each wire format, in the order they are asked whether a request is theirs."""
    classes = {cls.name: cls for cls in _found(protocols, Protocol, "tollhouse.protocols") if "name" in cls.__dict__}
    return tuple(cls() for _, cls in sorted(classes.items()))


@cache
def protocols_by_name() -> dict[str, Protocol]:
    return {protocol.name: protocol for protocol in protocol_list()}


@cache
def provider_types() -> dict[str, Provider]:
    """Type -> the one instance of it."""
    return {cls.type: cls() for cls in _found(providers, Provider, "tollhouse.providers") if "type" in cls.__dict__}


# --- checking configs: the same on both planes -----------------------------------------------------------------------


def normalise_plugins(resource: dict[str, Any]) -> list[str]:
    """Rewrite aliases in the ``plugins`` of a resource document, in place. Returns the notes."""
    notes: list[str] = []
    configs = resource.get("plugins")
    if not isinstance(configs, dict):
        return notes
    for name in list(configs):
        cls = plugin_classes().get(name)
        config = configs.get(name)
        if cls is not None and isinstance(config, dict):
            notes += cls.normalise(config, resource)
    return notes


def check_plugin(name: str, config: Any, where: str, *, as_consumer: bool = False) -> list[Problem]:
    """Problems of one plugin config. ``as_consumer``: it stands in a consumer or credential, where authentication
    plugins have another schema."""
    cls = plugin_classes().get(name)
    if cls is None:
        return [Problem(where, f"unknown plugin [{name}]", "see GET /apisix/admin/plugins/list")]
    try:
        load_plugin_config(name, config, as_consumer=as_consumer)
    except ValidationError as error:
        return explain_validation(error, where)
    except ValueError as error:
        return [Problem(where, str(error))]
    return []


def load_plugin_config(name: str, config: Any, *, as_consumer: bool = False) -> tuple[PluginConfig | None, Meta]:
    """The validated config and its ``_meta``; the config is None when the plugin is disabled. Raises ValueError
    (pydantic's ValidationError among them) and KeyError for an unknown plugin."""
    cls = plugin_classes()[name]
    if not isinstance(config, dict):
        raise ValueError(f"expected an object, came {type(config).__name__}")
    fields = dict(config)
    meta = Meta.model_validate(fields.pop("_meta", None) or {})
    if meta.disable:
        return None, meta
    model = cls.ConsumerConfig if as_consumer and cls.ConsumerConfig is not None else cls.Config
    loaded = model.model_validate(fields)
    complaints = cls.check(loaded) if model is cls.Config else []
    if complaints:
        raise ValueError("; ".join(complaints))
    return loaded, meta


def check_metadata(name: str, config: Any, where: str) -> list[Problem]:
    """Problems of a ``plugin_metadata`` object."""
    cls = plugin_classes().get(name)
    if cls is None:
        return [Problem(where, "invalid plugin name", "see GET /apisix/admin/plugins/list")]
    fields = {key: value for key, value in dict(config).items() if key != "id"}
    model = cls.Metadata or PluginConfig
    try:
        model.model_validate(fields)
    except ValidationError as error:
        return explain_validation(error, where)
    return []


def check_provider(value: Mapping[str, Any], where: str) -> list[Problem]:
    """Problems of a ``providers`` object that only the list of vendors can tell."""
    vendor = provider_types().get(value.get("type", ""))
    if vendor is None:
        known = ", ".join(sorted(provider_types()))
        return [Problem(f"{where}.type", f"there is no provider type {value.get('type')!r}", f"one of {known}")]
    if not vendor.endpoint and not value.get("endpoint"):
        what = f"the type {vendor.type} has no address of its own, and none is configured"
        hint = f"set endpoint, unless every node has TOLLHOUSE_ENDPOINT_{vendor.type.upper().replace('-', '_')}"
        return [Problem(f"{where}.endpoint", what, hint, severity="warning")]
    return []


def is_auth_plugin(name: str) -> bool:
    """Whether the plugin identifies consumers."""
    cls = plugin_classes().get(name)
    return cls is not None and cls.ConsumerConfig is not None


def plugin_schema(name: str, schema_type: str = "") -> dict[str, Any] | None:
    """The JSON Schema of a plugin's config (``consumer`` and ``metadata``: of these), None when there is none."""
    cls = plugin_classes().get(name)
    if cls is None:
        return None
    model = {"": cls.Config, "consumer": cls.ConsumerConfig, "metadata": cls.Metadata}.get(schema_type)
    return None if model is None else model.model_json_schema()


def plugin_names_by_priority() -> list[str]:
    """All plugins, highest priority first (``GET /apisix/admin/plugins/list``)."""
    return [cls.name for cls in sorted(plugin_classes().values(), key=lambda cls: -cls.priority)]


def plugin_stage(name: str) -> Stage:
    """The stage a plugin acts in. Raises KeyError when there is no such plugin."""
    return plugin_classes()[name].stage
