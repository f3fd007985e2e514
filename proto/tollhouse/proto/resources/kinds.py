"""The kinds of resources: their names, verbs, ids, and how they refer to one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel
from tollhouse.proto.resources.admin import Admin
from tollhouse.proto.resources.approval import Approval
from tollhouse.proto.resources.budget import EACH, Budget, Stop
from tollhouse.proto.resources.consumer import Consumer, ConsumerGroup, Credential
from tollhouse.proto.resources.fields import id_error, username_error
from tollhouse.proto.resources.model import Model, Provider
from tollhouse.proto.resources.notifier import Notifier
from tollhouse.proto.resources.plugin_sets import GlobalRule, PluginConfig, PluginMetadata
from tollhouse.proto.resources.price_table import PUBLISHED, PriceTable
from tollhouse.proto.resources.route import Route, Service
from tollhouse.proto.resources.secret import AwsSecret, FileSecret, GcpSecret, ProtoDefinition, VaultSecret
from tollhouse.proto.resources.ssl import Ssl
from tollhouse.proto.resources.upstream import Upstream

Verb = Literal["GET", "PUT", "POST", "PATCH", "DELETE"]
IdRule = Literal["id", "username", "plugin", "manager/id", "username/id"]

_ALL: frozenset[Verb] = frozenset({"GET", "PUT", "POST", "PATCH", "DELETE"})


class Reference(NamedTuple):
    """A field that holds the id of another object."""

    path: str
    """Dotted; ``[]`` after a step means every item of a list: ``targets[].provider``."""
    kind: str
    """Plural kind it refers to."""
    unless: str = ""
    """A value that is no id: ``each``."""


class Found(NamedTuple):
    """One reference found in an object."""

    path: str
    """Where it stands, with indexes: ``targets.0.provider``."""
    kind: str
    id: str


class Referrer(NamedTuple):
    """Objects of ``kind`` may refer, in the field ``path``, to objects of the kind asked about."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What there is to know about one kind of resource."""

    plural: str
    """As in addresses, etcd directories and documents: ``routes``."""
    singular: str
    """As APISIX's error texts say it: ``route``, ``consumer group``."""
    model: type[BaseModel]
    verbs: frozenset[Verb] = _ALL
    """What the Admin API offers; the others answer 405."""
    id_rule: IdRule = "id"
    timestamps: bool = True
    references: tuple[Reference, ...] = ()
    parent: str = ""
    """The kind an object of this kind lives under, and is deleted with: credentials under consumers."""
    filters: tuple[str, ...] = ()
    """Fields a list can be filtered by (``filter=service_id=1``)."""
    made_by_nodes: bool = False
    """It says what happened, not what shall be: never part of documents, dumps and rollbacks."""
    signs_in: bool = False
    """It says who may use the Admin API: written one by one, never part of documents, dumps and rollbacks, so that none
    of these brings back a key that was taken away."""
    only_id: str = ""
    """The one id that means anything; empty where any does."""
    published: bool = False
    """It comes with a version of the program, and goes its own way: never part of documents, dumps and rollbacks."""
    variants: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    """Models by the first step of the id, where the kind has several: secret managers."""

    @property
    def in_documents(self) -> bool:
        """Whether documents, dumps and rollbacks may have objects of this kind."""
        return not (self.made_by_nodes or self.signs_in or self.published)

    @property
    def schema_name(self) -> str:
        """The name under ``/apisix/admin/schema/``: ``plugin_metadata`` and the singulars with underscores."""
        return self.singular.replace(" ", "_")

    def model_for(self, object_id: str) -> type[BaseModel]:
        """The model an object of this id must fit."""
        return self.variants.get(object_id.partition("/")[0], self.model)

    def id_error(self, object_id: str) -> str:
        """What is wrong with an id of this kind; empty when nothing is."""
        if self.only_id and object_id != self.only_id:
            return f"there is one object of this kind, with the id {self.only_id!r}; came {object_id!r}"
        if self.id_rule == "username":
            return username_error(object_id)
        if self.id_rule == "plugin":
            return "" if object_id else "the id is the name of a plugin"
        if self.id_rule == "id":
            return id_error(object_id)
        first, slash, rest = object_id.partition("/")
        if not slash:
            return f"an id of this kind has the form {self.id_rule}, came {object_id!r}"
        if self.id_rule == "username/id":
            return username_error(first) or id_error(rest)
        if first not in self.variants:
            return f"{first!r} is not a secret manager; there are {', '.join(self.variants)}"
        return id_error(rest)

    def referenced(self, value: Mapping[str, Any]) -> Iterator[Found]:
        """The references an object (as plain data) holds."""
        for reference in self.references:
            for path, found in _walk(value, reference.path.split("."), ""):
                if isinstance(found, str | int) and not isinstance(found, bool) and found != reference.unless:
                    yield Found(path, reference.kind, str(found))


def _walk(value: Any, steps: list[str], at: str) -> Iterator[tuple[str, Any]]:
    if not steps:
        yield at, value
        return
    if not isinstance(value, Mapping):
        return
    name = steps[0].removesuffix("[]")
    if name not in value:
        return
    inner, path = value[name], f"{at}.{name}" if at else name
    if not steps[0].endswith("[]"):
        yield from _walk(inner, steps[1:], path)
    elif isinstance(inner, list):
        for index, item in enumerate(inner):
            yield from _walk(item, steps[1:], f"{path}.{index}")


_UPSTREAM = Reference("upstream_id", "upstreams")
_NO_POST: frozenset[Verb] = _ALL - {"POST"}
_NO_POST_PATCH: frozenset[Verb] = _ALL - {"POST", "PATCH"}

KINDS: dict[str, Kind] = {
    kind.plural: kind
    for kind in (
        Kind(
            "routes",
            "route",
            Route,
            references=(
                _UPSTREAM,
                Reference("service_id", "services"),
                Reference("plugin_config_id", "plugin_configs"),
            ),
            filters=("service_id", "upstream_id"),
        ),
        Kind("services", "service", Service, references=(_UPSTREAM,)),
        Kind("upstreams", "upstream", Upstream),
        Kind(
            "consumers",
            "consumer",
            Consumer,
            verbs=_NO_POST_PATCH,
            id_rule="username",
            references=(Reference("group_id", "consumer_groups"),),
        ),
        Kind("credentials", "credential", Credential, verbs=_NO_POST_PATCH, id_rule="username/id", parent="consumers"),
        Kind(
            "consumer_groups",
            "consumer group",
            ConsumerGroup,
            verbs=_NO_POST,
            references=(Reference("parent_id", "consumer_groups"),),
        ),
        Kind("plugin_configs", "plugin config", PluginConfig, verbs=_NO_POST),
        Kind("global_rules", "global rule", GlobalRule, verbs=_NO_POST),
        Kind(
            "plugin_metadata",
            "plugin_metadata",
            PluginMetadata,
            verbs=_NO_POST_PATCH,
            id_rule="plugin",
            timestamps=False,
        ),
        Kind("ssls", "ssl", Ssl),
        Kind(
            "secrets",
            "secret",
            VaultSecret,
            verbs=_NO_POST,
            id_rule="manager/id",
            variants={"vault": VaultSecret, "aws": AwsSecret, "gcp": GcpSecret, "file": FileSecret},
        ),
        Kind("protos", "proto", ProtoDefinition, verbs=_ALL - {"PATCH"}),
        Kind("providers", "provider", Provider),
        Kind("models", "model", Model, references=(Reference("targets[].provider", "providers"),)),
        Kind(
            "budgets",
            "budget",
            Budget,
            references=(
                Reference("downgrade_to", "models"),
                Reference("scope.consumer", "consumers", EACH),
                Reference("scope.consumer_group", "consumer_groups", EACH),
                Reference("scope.route", "routes", EACH),
            ),
        ),
        Kind("price_tables", "price table", PriceTable, verbs=_NO_POST_PATCH, only_id=PUBLISHED, published=True),
        Kind("notifiers", "notifier", Notifier, references=(Reference("budgets[]", "budgets"),)),
        Kind(
            "stops",
            "stop",
            Stop,
            references=(Reference("consumer", "consumers"), Reference("consumer_group", "consumer_groups")),
        ),
        Kind(
            "approvals",
            "approval",
            Approval,
            verbs=frozenset({"GET"}),
            timestamps=False,
            filters=("state", "budget"),
            made_by_nodes=True,
        ),
        Kind("admins", "admin", Admin, verbs=_NO_POST, signs_in=True),
    )
}
"""Plural kind -> what there is to know about it. Objects are written in this order only after what they refer to."""

WRITE_ORDER: tuple[str, ...] = (
    "secrets",
    "upstreams",
    "services",
    "plugin_configs",
    "consumer_groups",
    "consumers",
    "credentials",
    "providers",
    "models",
    "protos",
    "ssls",
    "plugin_metadata",
    "global_rules",
    "routes",
    "budgets",
    "stops",
    "price_tables",
    "notifiers",
    "approvals",
    "admins",
)
"""All kinds, so ordered that what is referred to comes before what refers to it."""


@cache
def referrers(kind: str) -> tuple[Referrer, ...]:
    """Which fields of which kinds may refer to objects of this kind: what a delete has to look at."""
    return tuple(
        Referrer(other.plural, reference.path)
        for other in KINDS.values()
        for reference in other.references
        if reference.kind == kind
    )


def kind_by_schema_name(name: str) -> Kind | None:
    """The kind that ``/apisix/admin/schema/<name>`` means."""
    for kind in KINDS.values():
        if kind.schema_name == name:
            return kind
    return None
