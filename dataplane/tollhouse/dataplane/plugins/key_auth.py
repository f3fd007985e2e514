"""Recognise a caller by its key."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from pydantic import Field
from tollhouse.dataplane.dispatch.plain.proxying import proxied_target
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.identifying import enter, enter_anonymous, find
from tollhouse.dataplane.plugin import Digest, Plugin, PluginConfig
from tollhouse.dataplane.stages import Stage
from tollhouse.proto.sealing import digest

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_SDK_HEADERS = ("x-api-key", "api-key", "x-goog-api-key")
"""Where the vendors' own SDKs put the key (besides ``Authorization: Bearer``)."""

_MISSING = "Missing API key in request"
_INVALID = "Invalid API key in request"


class KeyAuthConfig(PluginConfig):
    """How a key is presented."""

    header: str = Field(default="apikey", pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
    """The header the key is taken from. ``Authorization: Bearer``, ``x-api-key``, ``api-key`` and ``x-goog-api-key``
    are looked at as well, because that is where SDKs put it."""

    query: str = Field(default="apikey", min_length=1)
    """The query argument the key is taken from when no header has it."""

    hide_credentials: bool = False
    """Take the key out of what goes on to the upstream. (A model's provider never sees it.)"""

    realm: str = "key"
    """The realm named in ``WWW-Authenticate`` when a caller is refused."""

    anonymous_consumer: str | None = None
    """Let callers without a valid key in as this consumer."""


class KeyAuthConsumer(PluginConfig):
    """What a consumer or credential has under ``key-auth``."""

    key: Digest = Field(min_length=1)
    """The key; stored as its digest."""


class KeyAuth(Plugin[KeyAuthConfig]):
    """Looks the digest of the presented key up among the consumers' credentials."""

    name = "key-auth"
    stage = Stage.IDENTIFY
    priority = 2500
    Config = KeyAuthConfig
    ConsumerConfig = KeyAuthConsumer

    def request(self, ex: Exchange) -> None:
        """Set the consumer, or refuse with 401."""
        key, source = self._presented(ex)
        found = find(self.services, ex, self.name, key, digest(key)) if key else None
        if found is None:
            refusal = self._refusal(_INVALID if key else _MISSING)
            enter_anonymous(ex, self.config.anonymous_consumer, refusal)
            return
        if self.config.hide_credentials:
            self._hide(ex, source)
        enter(ex, found.consumer, found.credential.id)

    def _presented(self, ex: Exchange) -> tuple[str, str]:
        """The key and where it stood: a header's name, or ``?`` for the query."""
        headers = ex.headers
        configured = self.config.header.lower()
        key = headers.get(configured)
        if key:
            scheme, _, token = key.partition(" ")
            bearer = configured == "authorization" and scheme.lower() == "bearer"
            return (token.strip() if bearer else key), configured
        key = ex.args.get(self.config.query) if ex.query else None
        if key:
            return key, "?"
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return token.strip(), "authorization"
        for name in _SDK_HEADERS:
            key = headers.get(name)
            if key:
                return key, name
        return "", ""

    def _hide(self, ex: Exchange, source: str) -> None:
        if source != "?":
            ex.upstream_headers.append((source, None))
            return
        arguments = parse_qsl(ex.query, keep_blank_values=True)
        kept = urlencode([pair for pair in arguments if pair[0] != self.config.query])
        path = proxied_target(ex).partition("?")[0]
        ex.upstream_path = f"{path}?{kept}" if kept else path

    def _refusal(self, message: str) -> ClientError:
        code = "missing_api_key" if message == _MISSING else "invalid_api_key"
        hint = f"Send it as Authorization: Bearer KEY or in the header {self.config.header}."
        return ClientError(
            401,
            code,
            f"{message}. {hint}",
            headers={"www-authenticate": f'apikey realm="{self.config.realm}"'},
            apisix_body={"message": message},
        )
