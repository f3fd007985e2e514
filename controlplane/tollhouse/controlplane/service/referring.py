"""Who refers to whom, in APISIX's words: what a write needs to exist, and what keeps an object from being deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tollhouse.controlplane.store.objects import Stored, View
from tollhouse.proto.model_names import named_models
from tollhouse.proto.resources import KINDS, Kind

_CHECK_ORDER = ("routes", "services", "plugin_configs", "consumers", "consumer_groups", "global_rules")


def missing_text(plural: str, object_id: str) -> str:
    """What a write that refers to nothing is told."""
    noun = KINDS[plural].singular
    return f"failed to fetch {noun} info by {noun} id [{object_id}], response code: 404"


def find_user(kind: Kind, object_id: str, view: View, aliases: Iterable[str] = ()) -> str:
    """The sentence that names an object that refers to this one, by its id or an alias; empty when none does."""
    target = (kind.plural, object_id)
    names = {object_id, *aliases} if kind.plural == "models" else set[str]()
    for user in sorted(view.objects.values(), key=_order):
        if (user.kind, user.id) == target:
            continue
        if target in references_of(user.kind, user.value) or _names_one(user, names):
            directly = " directly," if kind.plural == "services" else ","
            noun = KINDS[user.kind].singular
            return f"can not delete this {kind.singular}{directly} {noun} [{user.id}] is still using it now"
    return ""


def _names_one(user: Stored, names: set[str]) -> bool:
    return bool(names) and any(named.name in names for named in named_models(user.kind, user.value))


def references_of(plural: str, value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Kind and id of what the object refers to: by fields of its own, or through a plugin's config."""
    for found in KINDS[plural].referenced(value):
        yield found.kind, found.id
    yield from _through_plugins(value.get("plugins"))


def _through_plugins(plugins: Any) -> Iterator[tuple[str, str]]:
    """References inside plugin configs that APISIX's own delete checks look at."""
    if not isinstance(plugins, dict):
        return
    split = plugins.get("traffic-split")
    for rule in (split.get("rules") or []) if isinstance(split, dict) else []:
        for weighted in (rule.get("weighted_upstreams") or []) if isinstance(rule, dict) else []:
            if isinstance(weighted, dict) and weighted.get("upstream_id") is not None:
                yield "upstreams", str(weighted["upstream_id"])
    transcode = plugins.get("grpc-transcode")
    if isinstance(transcode, dict) and transcode.get("proto_id") is not None:
        yield "protos", str(transcode["proto_id"])


def _order(item: Stored) -> tuple[int, str]:
    return (_CHECK_ORDER.index(item.kind) if item.kind in _CHECK_ORDER else len(_CHECK_ORDER), item.id)


def users_of(plural: str) -> tuple[str, ...]:
    """Kinds whose objects may refer to objects of this kind."""
    direct = {other.plural for other in KINDS.values() for reference in other.references if reference.kind == plural}
    if plural == "upstreams":
        direct |= set(_CHECK_ORDER)
    if plural == "models":
        direct |= {*_CHECK_ORDER, "models"}
    if plural == "protos":
        direct |= {"routes", "services"}
    return tuple(sorted(direct))
