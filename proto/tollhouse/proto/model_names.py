"""Names of models in other objects: unlike ids they may be aliases, so they are looked up, not fetched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from tollhouse.proto.problems import Problem

CHAINS = ("availability", "context_too_long", "content_refused", "budget")
"""The reasons of a ``fallbacks``."""


class Named(NamedTuple):
    """One place where an object names a model."""

    path: str
    """Where it stands, with indexes: ``plugins.ai-proxy-multi.models.0``."""
    name: str


def named_models(kind: str, value: Mapping[str, Any]) -> Iterator[Named]:
    """The models an object names: the ones its ``ai-proxy-multi`` serves, and those that take over in ``fallbacks``.
    Instances and providers of its own, which may stand in ``fallbacks`` too, are not among them."""
    if kind == "models":
        yield from _fallbacks(value, "", _own_targets(value.get("targets")))
    configs = value.get("plugins")
    config = configs.get("ai-proxy-multi") if isinstance(configs, Mapping) else None
    if not isinstance(config, Mapping):
        return
    at = "plugins.ai-proxy-multi."
    models = config.get("models")
    if isinstance(models, list):
        yield from (Named(f"{at}models.{index}", name) for index, name in enumerate(models) if isinstance(name, str))
    instances = config.get("instances")
    own = {one.get("name") for one in instances if isinstance(one, Mapping)} if isinstance(instances, list) else set()
    yield from _fallbacks(config, at, own)


def names_of(models: Iterable[tuple[str, Mapping[str, Any]]]) -> set[str]:
    """Every name by which the models (id, value) can be asked for."""
    names: set[str] = set()
    for model_id, value in models:
        names.add(model_id)
        aliases = value.get("aliases")
        names.update(alias for alias in (aliases if isinstance(aliases, list) else ()) if isinstance(alias, str))
    return names


def unknown_model(place: str, named: Named, known: Iterable[str]) -> Problem:
    """What to say of a name that no model has; ``known``: names to suggest from."""
    close = get_close_matches(named.name, list(known), 1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    what = f"there is no model {named.name!r}{meant}"
    return Problem(f"{place}.{named.path}", what, "add it under models, or correct the name")


def _fallbacks(holder: Mapping[str, Any], at: str, own: set[Any]) -> Iterator[Named]:
    chains = holder.get("fallbacks")
    if not isinstance(chains, Mapping):
        return
    for reason in CHAINS:
        names = chains.get(reason)
        for index, name in enumerate(names if isinstance(names, list) else ()):
            if isinstance(name, str) and name not in own:
                yield Named(f"{at}fallbacks.{reason}.{index}", name)


def _own_targets(targets: Any) -> set[Any]:
    own: set[Any] = set()
    for target in targets if isinstance(targets, list) else ():
        if isinstance(target, Mapping):
            own |= {target.get("provider"), f"{target.get('provider')}/{target.get('model')}"}
    return own
