"""The short spellings found in tutorials, rewritten into the documented form when they are written."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane import registry
from tollhouse.dataplane.dispatch.setup.options import drop_needless
from tollhouse.dataplane.provider import Provider


def normalise_single(config: dict[str, Any]) -> list[str]:
    """``ai-proxy``: ``max_tokens`` at the top level becomes a cap, ``temperature`` a forced option."""
    notes = [f"ai-proxy: {note}" for note in drop_needless(config)]
    return notes + [f"ai-proxy: {note}" for note in _move_options(_take_options(config), [config])]


def normalise_multi(config: dict[str, Any], resource: dict[str, Any]) -> list[str]:
    """``ai-proxy-multi``: an upstream whose nodes are vendors' hosts becomes ``instances``, with failing over on."""
    notes = [f"ai-proxy-multi: {note}" for note in drop_needless(config)]
    if "instances" not in config and "models" not in config:
        notes += _from_upstream(config, resource)
    moved = _take_options(config)
    notes += [f"ai-proxy-multi: {note}" for note in _move_options(moved, _objects(config.get("instances")))]
    if "auth_header" in config and "instances" in config:
        header = config.pop("auth_header")
        notes.append(
            f"ai-proxy-multi: auth_header {header!r} was dropped: each provider gets its own key in its own header, "
            "from the usual environment variable or from auth"
        )
    return notes


def _take_options(config: dict[str, Any]) -> dict[str, Any]:
    return {name: config.pop(name) for name in ("max_tokens", "temperature") if name in config}


def _move_options(moved: dict[str, Any], holders: list[dict[str, Any]]) -> list[str]:
    """Write what stood at the top level where it belongs, unless something stands there already."""
    notes = []
    if "max_tokens" in moved:
        # A cap and not a forced value: who asks for less must not get, and pay for, more.
        for holder in holders:
            override = holder.setdefault("override", {})
            limits = override.setdefault("llm_options", {}) if isinstance(override, dict) else None
            if isinstance(limits, dict):
                limits.setdefault("max_tokens_cap", moved["max_tokens"])
        notes.append(
            "max_tokens at the top level was taken as override.llm_options.max_tokens_cap: the limit when the client "
            "names none or a larger one"
        )
    if "temperature" in moved:
        for holder in holders:
            options = holder.setdefault("options", {})
            if isinstance(options, dict):
                options.setdefault("temperature", moved["temperature"])
        notes.append("temperature at the top level was taken as options.temperature")
    return notes


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _from_upstream(config: dict[str, Any], resource: dict[str, Any]) -> list[str]:
    upstream = resource.get("upstream")
    nodes = _nodes(upstream.get("nodes")) if isinstance(upstream, dict) else []
    instances: list[dict[str, Any]] = []
    for host, weight in nodes:
        vendor = vendor_of(host)
        if vendor is None:
            return []  # a stranger's host: say what is missing by the ordinary check of the config
        instances.append(_instance(vendor, weight, {one["name"] for one in instances}))
    if not instances:
        return []
    config["instances"] = instances
    config.setdefault("fallback_strategy", "any")
    del resource["upstream"]
    told = ", ".join(f"{one['name']} (weight {one['weight']})" for one in instances)
    return [
        f"ai-proxy-multi: the upstream's nodes were taken as instances: {told}; "
        "instances that have the asked-for model come first, and failures move on to the next"
    ]


def _nodes(nodes: Any) -> list[tuple[str, Any]]:
    if isinstance(nodes, dict):
        return [(str(host), weight) for host, weight in nodes.items()]
    return [(str(node.get("host", "")), node.get("weight", 1)) for node in _objects(nodes)]


def vendor_of(address: str) -> Provider | None:
    """The vendor a host belongs to; a port of 443 may stand behind it."""
    host = address.removesuffix(":443").lower()
    for vendor in registry.provider_types().values():
        if host in vendor.hosts:
            return vendor
    return None


def _instance(vendor: Provider, weight: Any, taken: set[str]) -> dict[str, Any]:
    name = vendor.type
    number = 2
    while name in taken:
        name, number = f"{vendor.type}-{number}", number + 1
    instance: dict[str, Any] = {"name": name, "provider": vendor.type, "weight": weight}
    if vendor.native_models:
        instance["serves"] = list(vendor.native_models)
    if vendor.fallback_model:
        instance["fallback_model"] = vendor.fallback_model
    return instance
