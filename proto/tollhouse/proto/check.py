"""Checks objects against each other and against what is stored; pure, so both planes and the CLI can use it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

from tollhouse.proto.destinations import unreachable
from tollhouse.proto.model_names import named_models, names_of, unknown_model
from tollhouse.proto.own_settings import own_settings
from tollhouse.proto.problems import Problem
from tollhouse.proto.resources import KINDS, check_resource, is_reference
from tollhouse.proto.sealing import MASK, digest, is_digest
from tollhouse.proto.shadowing import shadowed_routes

Place = tuple[str, str]
"""(kind, id)."""

Objects = Mapping[Place, Mapping[str, Any]]

_IDENTITIES = {
    "key-auth": "key",
    "basic-auth": "username",
    "jwt-auth": "key",
    "hmac-auth": "key_id",
    "ldap-auth": "user_dn",
}


IDENTIFIED = ("consumers", "credentials")
"""Kinds whose objects hold callers' keys."""


class PluginChecks(Protocol):
    """What checking needs to know of plugins; the module ``tollhouse.dataplane.registry`` has these functions."""

    def check_plugin(self, name: str, config: Any, where: str, *, as_consumer: bool = False) -> list[Problem]: ...

    def check_metadata(self, name: str, config: Any, where: str) -> list[Problem]: ...

    def check_provider(self, value: Mapping[str, Any], where: str) -> list[Problem]: ...

    def is_auth_plugin(self, name: str) -> bool: ...


def check_objects(
    written: Objects,
    stored: Objects,
    plugins: PluginChecks,
    created: Mapping[str, int] | None = None,
) -> list[Problem]:
    """Problems of the objects ``written``, seen beside those ``stored`` that they do not replace. Aliases must have
    been normalised. ``created``: create revisions of stored routes, for telling which of two is tried first."""
    problems: list[Problem] = []
    for (kind, object_id), value in written.items():
        problems += check_object(kind, object_id, value, plugins)
    after = {**stored, **written}
    problems += check_references(after, written)
    problems += check_model_names(after, written)
    problems += check_unique(after, written)
    routes = {object_id: value for (kind, object_id), value in after.items() if kind == "routes"}
    services = {object_id: value for (kind, object_id), value in after.items() if kind == "services"}
    concerned = {object_id for kind, object_id in written if kind == "routes"}
    return problems + shadowed_routes(routes, services, created or {}, concerned)


def check_object(kind: str, object_id: str, value: Mapping[str, Any], plugins: PluginChecks) -> list[Problem]:
    """Problems of one object by itself: its fields, and the configs of its plugins."""
    place = f"{kind}/{object_id}"
    if kind == "plugin_metadata":
        return plugins.check_metadata(object_id, value, place) + _forbidden(value, place)
    problems = check_resource(kind, object_id, value, place) + _forbidden(value, place)
    if kind == "providers" and not problems:
        problems += plugins.check_provider(value, place)
    configs = value.get("plugins")
    if not isinstance(configs, Mapping):
        return problems
    as_consumer = kind in ("consumers", "credentials")
    for name, config in configs.items():
        problems += plugins.check_plugin(name, config, f"{place}.plugins.{name}", as_consumer=as_consumer)
    if kind == "credentials":
        problems += _check_credential(place, configs, plugins)
    return problems


def _forbidden(value: Mapping[str, Any], place: str) -> list[Problem]:
    return [*unreachable(value, place), *own_settings(value, place)]


def _check_credential(place: str, configs: Mapping[str, Any], plugins: PluginChecks) -> list[Problem]:
    if len(configs) > 1:
        what = f"a credential holds one authentication plugin, came {len(configs)}"
        return [Problem(f"{place}.plugins", what, "make one credential of each")]
    return [
        Problem(f"{place}.plugins.{name}", "only authentication plugins may stand in a credential", "move it elsewhere")
        for name in configs
        if not plugins.is_auth_plugin(name)
    ]


def check_references(after: Objects, written: Collection[Place]) -> list[Problem]:
    """References of the written objects that lead to nothing."""
    problems = []
    for kind, object_id in written:
        known = KINDS.get(kind)
        if known is None:
            continue
        place = f"{kind}/{object_id}"
        if known.parent and (known.parent, object_id.partition("/")[0]) not in after:
            what = f"there is no consumer {object_id.partition('/')[0]!r}"
            problems.append(Problem(place, what, f"add it under {known.parent}"))
        for found in known.referenced(after[kind, object_id]):
            if (found.kind, found.id) not in after:
                what = f"there is no {KINDS[found.kind].singular} {found.id!r}"
                problems.append(Problem(f"{place}.{found.path}", what, f"add it under {found.kind}, or correct the id"))
    return problems


def check_model_names(after: Objects, written: Collection[Place]) -> list[Problem]:
    """Models named by the written objects that no model is called. A chain of a route that serves the catalogue may
    also name a provider: the target there."""
    named = [(place, one) for place in written for one in named_models(place[0], after[place])]
    if not named:
        return []
    models = names_of((object_id, value) for (kind, object_id), value in after.items() if kind == "models")
    providers = {object_id for kind, object_id in after if kind == "providers"}
    return [
        unknown_model("/".join(place), one, models)
        for place, one in named
        if one.name not in models and not (".fallbacks." in one.path and one.name in providers)
    ]


def check_unique(after: Objects, written: Collection[Place]) -> list[Problem]:
    """What may stand only once: a consumer's key, a plugin among the global rules, a model's name."""
    owners: dict[tuple[str, str], Place] = {}
    problems = []
    # Stored objects first, so that it is the written one that is found to come second.
    for place in sorted(after, key=lambda place: place in written):
        for what, name in _claims(place, after[place]):
            owner = owners.setdefault((what, name), place)
            if owner != place and place in written:
                problems.append(_clash(place, owner, what, name))
    return problems


def identities(kind: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Plugin and digest of every key by which the object's owner is recognised; references are not known here."""
    configs = value.get("plugins")
    if kind not in IDENTIFIED or not isinstance(configs, Mapping):
        return
    for plugin, config in configs.items():
        key = _identity(plugin, config) if isinstance(config, Mapping) else None
        if isinstance(key, str) and key and key != MASK and not is_reference(key):
            yield plugin, key if is_digest(key) else digest(key)


def _identity(plugin: str, config: Mapping[str, Any]) -> Any:
    """What the plugin looks a caller up by; the plugin's own ``identity`` says the same on the nodes."""
    if plugin == "mtls-auth":
        named = next(((name, value) for name, value in config.items() if name != "_meta" and value is not None), None)
        if named is None:
            return None
        value = str(named[1])
        if named[0] == "fingerprint":
            value = value.lower().removeprefix("sha256:").replace(":", "")
        return f"{named[0]}:{value}"
    key = config.get(_IDENTITIES.get(plugin, ""))
    issuer = config.get("issuer") if plugin == "jwt-auth" else None
    return f"{issuer}\n{key}" if isinstance(key, str) and isinstance(issuer, str) else key


def _claims(place: Place, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind, object_id = place
    configs = value.get("plugins")
    yield from identities(kind, value)
    if kind == "global_rules" and isinstance(configs, Mapping):
        for plugin in configs:
            yield "global rule", str(plugin)
    elif kind == "models":
        yield "model", object_id
        aliases = value.get("aliases")
        for alias in aliases if isinstance(aliases, list) else ():
            yield "model", str(alias)


def _clash(place: Place, owner: Place, what: str, name: str) -> Problem:
    where, other = "/".join(place), "/".join(owner)
    if what == "global rule":
        text = f"plugin {name!r} already exists in global rule with id {owner[1]!r}"
        return Problem(f"{where}.plugins.{name}", text, "a plugin may stand in one global rule only")
    if what == "model":
        return Problem(where, f"the model name {name!r} is taken by {other}", "give one of them another name or alias")
    text = f"duplicate key of plugin {what} found with consumer: {owner[1].partition('/')[0]}"
    return Problem(f"{where}.plugins.{what}", text, f"give it another key ({other} has the same)")
