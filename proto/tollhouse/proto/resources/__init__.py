"""The resource kinds as users write them: APISIX's JSON, and ours in the same manner.

- ``fields``       what several kinds have in common
- ``route``        routes and services
- ``upstream``     upstreams, nodes, health checks
- ``consumer``     consumers, credentials, consumer groups
- ``plugin_sets``  plugin_configs, global_rules, plugin_metadata
- ``ssl``, ``secret``
- ``model``        providers and models
- ``budget``       budgets and stops
- ``notifier``     who is told of thresholds
- ``admin``        who may use the Admin API
- ``approval``     what operators are asked for, and what they said
- ``kinds``        ``KINDS``: names, verbs, ids and references of each kind
- ``reading``      stored or written values to models, and what is wrong with them
"""

from tollhouse.proto.resources.admin import Admin
from tollhouse.proto.resources.approval import Approval, ApprovalContext
from tollhouse.proto.resources.budget import Budget, BudgetScope, Stop
from tollhouse.proto.resources.consumer import Consumer, ConsumerGroup, Credential
from tollhouse.proto.resources.fields import Part, Resource, Timeout, is_reference
from tollhouse.proto.resources.kinds import (
    KINDS,
    WRITE_ORDER,
    Found,
    Kind,
    Reference,
    Referrer,
    kind_by_schema_name,
    referrers,
)
from tollhouse.proto.resources.model import Model, Provider, ProviderAuth, Target
from tollhouse.proto.resources.notifier import Notifier
from tollhouse.proto.resources.plugin_sets import GlobalRule, PluginConfig, PluginMetadata
from tollhouse.proto.resources.reading import apisix_schema, check_resource, parse
from tollhouse.proto.resources.route import Route, Service
from tollhouse.proto.resources.secret import AwsSecret, GcpSecret, ProtoDefinition, VaultSecret
from tollhouse.proto.resources.ssl import Ssl
from tollhouse.proto.resources.upstream import Checks, Node, Upstream, UpstreamFields, UpstreamTls

__all__ = [
    "KINDS",
    "WRITE_ORDER",
    "Admin",
    "Approval",
    "ApprovalContext",
    "AwsSecret",
    "Budget",
    "BudgetScope",
    "Checks",
    "Consumer",
    "ConsumerGroup",
    "Credential",
    "Found",
    "GcpSecret",
    "GlobalRule",
    "Kind",
    "Model",
    "Node",
    "Notifier",
    "Part",
    "PluginConfig",
    "PluginMetadata",
    "Price",
    "ProtoDefinition",
    "Provider",
    "ProviderAuth",
    "Reference",
    "Referrer",
    "Resource",
    "Route",
    "Service",
    "Ssl",
    "Stop",
    "Target",
    "Timeout",
    "Upstream",
    "UpstreamFields",
    "UpstreamTls",
    "VaultSecret",
    "apisix_schema",
    "check_resource",
    "is_reference",
    "kind_by_schema_name",
    "parse",
    "referrers",
]
