"""Keeps consumers and what they are recognised by, touching only those that changed."""

from __future__ import annotations

import asyncio
import logging

from tollhouse.dataplane import registry
from tollhouse.dataplane.config.object_loader import Changed, Loaded, ObjectLoader
from tollhouse.dataplane.config.snapshot import CompiledConsumer, Consumers, Credential
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.services import Services
from tollhouse.proto import sealing

log = logging.getLogger("tollhouse.config")

CONSUMER_KINDS = frozenset({"consumers", "credentials", "consumer_groups"})
"""The kinds an index is made of."""

YIELD_EVERY = 50
"""Consumers compiled before the event loop gets a turn."""

Identity = tuple[str, str]
"""Authentication plugin and what it looks a caller up by."""


class ConsumerIndex:
    """Makes the ``Consumers`` of one snapshot from those of the last. Not safe to use from two tasks at once."""

    def __init__(self, objects: ObjectLoader, services: Services) -> None:
        self._objects = objects
        self._services = services
        self._credentials: dict[str, set[str]] = {}
        """Username -> keys of its credentials."""
        self._identities: dict[str, tuple[Identity, ...]] = {}
        """Username -> its identities, to find them again when they go."""

    async def update(self, now: Consumers, changed: Changed) -> Consumers:
        """The consumers after a change; ``now`` stays as it is."""
        touched = self._touched(changed)
        names, identities = now.names.draft(), now.identities.draft()
        for count, name in enumerate(touched, 1):
            if count % (20 * YIELD_EVERY) == 0:
                await asyncio.sleep(0)
            for identity in self._identities.pop(name, ()):
                identities.remove(identity)
        for count, name in enumerate(touched, 1):
            if count % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            one = self._objects.all("consumers").get(name)
            if one is None:
                names.remove(name)
                continue
            names.set(name, self._compile(one))
            found = self._identify(name, one)
            self._identities[name] = tuple(found)
            for identity, who in found.items():
                identities.set(identity, who)
        return Consumers(names.done(), identities.done())

    def _touched(self, changed: Changed) -> set[str]:
        others: set[str] = set()
        for object_id in changed["credentials"]:
            name = object_id.partition("/")[0]
            others.add(name)
            keys = self._credentials.setdefault(name, set())
            if object_id in self._objects.all("credentials"):
                keys.add(object_id)
            else:
                keys.discard(object_id)
        groups = changed["consumer_groups"]
        if groups:
            others |= {name for name, one in self._objects.all("consumers").items() if one.resource.group_id in groups}
        return changed["consumers"] | others if others else changed["consumers"]

    def _compile(self, one: Loaded) -> CompiledConsumer:
        group_id = one.resource.group_id
        group = self._objects.all("consumer_groups").get(group_id) if group_id else None
        # The shape names the very plugin objects, so that a changed plugin is a new shape.
        group_shape = tuple(id(bound.plugin) for bound in group.plugins.values()) if group else ()
        shape = (group_shape, tuple(id(bound.plugin) for bound in one.plugins.values()))
        return CompiledConsumer(one.resource, plugins=one.plugins, group=group.plugins if group else None, shape=shape)

    def _identify(self, name: str, one: Loaded) -> dict[Identity, Credential]:
        found: dict[Identity, Credential] = {}
        holders = [("", one)]
        for key in sorted(self._credentials.get(name, ())):
            holders.append((key.partition("/")[2], self._objects.all("credentials")[key]))
        for credential_id, holder in holders:
            for plugin_name, config in (holder.resource.plugins or {}).items():
                if not registry.is_auth_plugin(plugin_name):
                    continue
                loaded, _ = registry.load_plugin_config(plugin_name, config, as_consumer=True)
                cls = registry.plugin_classes()[plugin_name]
                identity = "" if loaded is None else self._identity(name, cls.identity(loaded))
                if identity:
                    expires_at = float(getattr(holder.resource, "expires_at", None) or 0)
                    kept = loaded if cls.needs_credential else None
                    found[plugin_name, identity] = Credential(name, credential_id, expires_at, kept)
        return found

    def _identity(self, name: str, identity: str) -> str:
        """What the plugin looks the caller up by, as a digest; empty when that is nothing."""
        if not identity:
            return ""
        if identity.startswith(("$env://", "$secret://", sealing.SEALED)):
            try:
                identity = self._services.secrets.reveal(identity)
            except GatewayError as error:  # fail closed: nobody gets in with a key that cannot be read
                log.error("credential of consumer %s cannot be used: %s", name, error.message)
                return ""
        return identity if identity.startswith("sha256:") else sealing.digest(identity)
