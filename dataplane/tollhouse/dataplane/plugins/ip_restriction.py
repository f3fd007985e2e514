"""Let only some client addresses in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator
from tollhouse.dataplane.engine.addresses import AddressSet
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.stages import Stage

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.services import Services


class IpRestrictionConfig(PluginConfig):
    """Which addresses are let in: exactly one of the lists."""

    whitelist: list[str] | None = Field(default=None, min_length=1)
    """Only these addresses and CIDR ranges are let in."""

    blacklist: list[str] | None = Field(default=None, min_length=1)
    """These addresses and CIDR ranges are not let in."""

    message: str = Field(default="Your IP address is not allowed", min_length=1, max_length=1024)
    """The message of a refusal."""

    response_code: Literal[403, 404] = 403
    """The status of a refusal."""

    @field_validator("whitelist", "blacklist")
    @classmethod
    def _addresses(cls, value: list[str] | None) -> list[str] | None:
        if value is not None:
            AddressSet(value)
        return value


class IpRestriction(Plugin[IpRestrictionConfig]):
    """Refuses by the client's address, before the body is read."""

    name = "ip-restriction"
    stage = Stage.ACCEPT
    priority = 3000
    Config = IpRestrictionConfig

    def __init__(
        self, config: IpRestrictionConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._addresses = AddressSet(config.whitelist or config.blacklist or ())
        self._wanted = config.whitelist is not None

    @classmethod
    def check(cls, config: Any) -> list[str]:
        """Exactly one list is needed."""
        one = (config.whitelist is None) != (config.blacklist is None)
        return [] if one else ["exactly one of whitelist and blacklist is needed"]

    def request(self, ex: Exchange) -> None:
        """Refuse with 403 (or 404)."""
        if (ex.client_ip in self._addresses) != self._wanted:
            message = self.config.message
            raise ClientError(self.config.response_code, "address_forbidden", message, apisix_body={"message": message})
