"""Let in whom any of several authentication plugins recognises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.stages import Stage

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.services import Services


class MultiAuthConfig(PluginConfig):
    """The plugins, and the order they are asked in."""

    auth_plugins: list[dict[str, dict[str, Any]]] = Field(min_length=2)
    """One authentication plugin per item, as ``{name: config}``; the first that recognises the caller decides."""


class MultiAuth(Plugin[MultiAuthConfig]):
    """Asks one after the other."""

    name = "multi-auth"
    stage = Stage.IDENTIFY
    priority = 2600
    Config = MultiAuthConfig

    def __init__(
        self, config: MultiAuthConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._plugins: list[Plugin[Any]] = []
        for name, inner in _listed(config):
            cls, loaded = _load(name, inner)
            self._plugins.append(cls(loaded, place, services))

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """Each must be an authentication plugin, and its config be good."""
        assert isinstance(config, MultiAuthConfig)
        problems = [
            f"auth_plugins.{index}: expected one plugin, came {len(item)}"
            for index, item in enumerate(config.auth_plugins)
            if len(item) != 1
        ]
        for name, inner in _listed(config):
            try:
                _load(name, inner)
            except ValueError as error:
                problems.append(f"auth_plugins: {name}: {error}")
        return problems

    async def request(self, ex: Exchange) -> None:
        """Set the consumer, or refuse with 401."""
        refusals: list[ClientError] = []
        for plugin in self._plugins:
            try:
                waiting = plugin.request(ex)
                if waiting is not None:
                    await waiting
            except ClientError as refusal:
                refusals.append(refusal)
            else:
                return
        slowed = next((one for one in refusals if one.status != 401), None)
        if slowed is not None:
            raise slowed
        told = " / ".join(dict.fromkeys(one.message for one in refusals))
        raise ClientError(
            401,
            "not_recognised",
            f"None of the ways to be recognised here fits: {told}",
            headers={"www-authenticate": ", ".join(one.headers["www-authenticate"] for one in refusals if one.headers)},
            apisix_body={"message": "Authorization Failed"},
        )

    async def close(self) -> None:
        """Close the plugins inside."""
        for plugin in self._plugins:
            await plugin.close()


def _listed(config: MultiAuthConfig) -> list[tuple[str, dict[str, Any]]]:
    return [pair for item in config.auth_plugins if len(item) == 1 for pair in item.items()]


def _load(name: str, config: dict[str, Any]) -> tuple[type[Plugin[Any]], PluginConfig]:
    """Raises ValueError."""
    from tollhouse.dataplane import registry  # which reads this very folder

    if not registry.is_auth_plugin(name):
        raise ValueError("is no authentication plugin")
    loaded, _ = registry.load_plugin_config(name, config)
    if loaded is None:
        raise ValueError("is disabled; leave it out instead")
    return registry.plugin_classes()[name], loaded
