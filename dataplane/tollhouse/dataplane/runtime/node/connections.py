"""Chooses where the configuration comes from and where the node registers, by the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tollhouse.dataplane.config.objects import ConfigSource
from tollhouse.dataplane.runtime.node.config_cache import ConfigCache
from tollhouse.dataplane.runtime.node.registration import EtcdRegistration
from tollhouse.dataplane.runtime.sources.etcd import EtcdSource
from tollhouse.dataplane.runtime.sources.file import FileSource
from tollhouse.dataplane.settings import Settings
from tollhouse.proto.etcd import EtcdSettings
from tollhouse.proto.fleet import NodeRegistration


class Registrar(Protocol):
    """Keeps the node's entry in the fleet."""

    async def publish(self, node: NodeRegistration) -> None:
        """Make this what the fleet sees; survives outages of etcd by itself and never raises for them."""

    async def close(self) -> None:
        """Take the entry away."""


def open_source(settings: Settings) -> ConfigSource:
    """Files when some are named, else etcd with a copy on disk. Raises ValueError for settings that cannot work."""
    if settings.config:
        return FileSource([Path(path) for path in settings.config])
    cache = ConfigCache(Path(settings.state_dir) / "config.cache", settings.prefix, settings.sealing_key)
    return EtcdSource(_etcd(settings), settings.prefix, cache)


def open_registrar(settings: Settings, node_id: str) -> Registrar | None:
    """None without etcd: nobody looks for a standalone node."""
    if settings.config:
        return None
    return EtcdRegistration(_etcd(settings), settings.fleet_prefix, node_id)


def _etcd(settings: Settings) -> EtcdSettings:
    return EtcdSettings(
        endpoints=settings.etcd,
        username=settings.etcd_user,
        password=settings.etcd_password,
        ca_file=settings.etcd_ca,
        cert_file=settings.etcd_cert,
        key_file=settings.etcd_key,
    )
