"""Plugins that stand outside routes: sets to refer to, rules for every request, and settings of a plugin as such."""

from __future__ import annotations

from pydantic import ConfigDict
from tollhouse.proto.resources.fields import Description, Labels, Name, Part, Plugins, Resource


class PluginConfig(Resource):
    """A set of plugins that routes refer to; it fills the gaps of a route's own."""

    name: Name | None = None
    """A name for people."""

    desc: Description | None = None
    """What the set is for."""

    labels: Labels | None = None
    """Free key-value pairs, for finding and grouping."""

    plugins: Plugins
    """Plugin name to config."""


class GlobalRule(Resource):
    """Plugins that run for every request; a plugin may stand in one global rule only."""

    plugins: Plugins
    """Plugin name to config."""


class PluginMetadata(Part):
    """Settings of a plugin as such, whatever route it stands in. Its fields are the plugin's own affair."""

    model_config = ConfigDict(extra="allow")

    id: str | None = None
    """The plugin's name."""
