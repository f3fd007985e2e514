"""Chooses where the configuration comes from and where the node registers, by the settings."""

from __future__ import annotations

from typing import Protocol

from tollhouse.dataplane.objects import ConfigSource
from tollhouse.dataplane.settings import Settings
from tollhouse.proto.fleet import NodeRegistration


class Registrar(Protocol):
    """Keeps the node's entry in the fleet."""

    async def publish(self, node: NodeRegistration) -> None:
        """Make this what the fleet sees; survives outages of etcd by itself and never raises for them."""

    async def close(self) -> None:
        """Take the entry away."""


def open_source(settings: Settings) -> ConfigSource:
    """Files when some are named, else etcd."""
    if settings.config:
        from tollhouse.dataplane.runtime.sources.file import FileSource

        return FileSource(settings.config)
    raise RuntimeError
