"""Let only some callers in, by consumer, consumer group, route or service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
from pydantic import Field
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.plugin import Plugin, PluginConfig
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.stages import Stage
from tollhouse.dataplane.variables import value

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

Method = Literal["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "PURGE"]


class MethodRule(PluginConfig):
    """The methods one caller may use."""

    user: str
    """The consumer's name (or whatever ``type`` names)."""

    methods: list[Method] = Field(min_length=1)
    """The methods it may use."""


class ConsumerRestrictionConfig(PluginConfig):
    """Who is let in; the lists apply together."""

    type: Literal["consumer_name", "consumer_group_id", "service_id", "route_id"] = "consumer_name"
    """What the lists name."""

    whitelist: list[str] | None = Field(default=None, min_length=1)
    """Only these are let in."""

    blacklist: list[str] | None = Field(default=None, min_length=1)
    """These are not let in."""

    allowed_by_methods: list[MethodRule] | None = Field(default=None, min_length=1)
    """Methods by caller; callers not named may use all. Not asked for those on the whitelist."""

    rejected_code: int = Field(default=403, ge=200, le=599)
    """The status of a refusal."""

    rejected_msg: str | None = None
    """The message of a refusal."""


class ConsumerRestriction(Plugin[ConsumerRestrictionConfig]):
    """Refuses callers by who they are; needs an authentication plugin beside it."""

    name = "consumer-restriction"
    stage = Stage.ADMIT
    priority = 2400
    Config = ConsumerRestrictionConfig

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """At least one list is needed."""
        assert isinstance(config, ConsumerRestrictionConfig)
        if config.whitelist or config.blacklist or config.allowed_by_methods:
            return []
        return ["at least one of whitelist, blacklist and allowed_by_methods is needed"]

    def request(self, ex: Exchange) -> Reply | None:
        """Refuse with ``rejected_code``, or with 401 when it is not known who calls."""
        config = self.config
        who = value(ex, config.type)
        if who is None:
            message = f"The request is rejected, please check the {config.type} for this request"
            raise ClientError(401, "not_identified", message, apisix_body={"message": message})
        if self._allows(who, ex.method):
            return None
        message = config.rejected_msg or f"The {config.type} is forbidden."
        if config.rejected_code < 400:
            body = msgspec.json.encode({"message": message})
            return Reply(config.rejected_code, [("content-type", "application/json")], body)
        raise ClientError(config.rejected_code, "forbidden", message, apisix_body={"message": message})

    def _allows(self, who: str, method: str) -> bool:
        config = self.config
        if config.blacklist and who in config.blacklist:
            return False
        if config.whitelist:
            return who in config.whitelist
        for rule in config.allowed_by_methods or ():
            if rule.user == who:
                return method in rule.methods
        return True
