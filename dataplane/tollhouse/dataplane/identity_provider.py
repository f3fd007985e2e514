"""The public keys of an identity provider, as a worker sees them.

They are fetched when first needed, kept, and fetched anew after a while or when a token names a key nobody has seen;
what was fetched last stays good when the provider does not answer.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.transport import Origin, Timeouts, TransportError, UpstreamRequest
from tollhouse.proto.tokens import KeySet, TokenError

FRESH_S = 600.0
AGAIN_S = 10.0
"""Between fetches that unknown key ids ask for: tokens are made up faster than keys are."""
LARGEST = 1 << 20
_PATIENCE = Timeouts(5.0, 5.0, 5.0, 5.0, total_s=8.0)


class ProviderKeys:
    """The keys of one issuer. One per configured plugin."""

    def __init__(self, services: Services, issuer: str, jwks_uri: str, verify: bool) -> None:
        self._services = services
        self._issuer = issuer
        self._jwks_uri = jwks_uri
        self._verify = verify
        self._keys: KeySet | None = None
        self._fetched = self._tried = -1e9
        self._lock = asyncio.Lock()

    def known(self, key_id: str) -> KeySet | None:
        """The keys, when there is nothing to fetch for a token that names this one."""
        fresh = self._services.clock.monotonic() - self._fetched < FRESH_S
        return self._keys if fresh and self._keys is not None and (not key_id or key_id in self._keys) else None

    async def get(self, key_id: str) -> KeySet:
        """The keys, fetched when need be. Raises TokenError when there are none yet."""
        async with self._lock:
            known = self.known(key_id)
            if known is not None:
                return known
            now = self._services.clock.monotonic()
            reason = ""
            if now - self._tried >= AGAIN_S:
                self._tried = now
                try:
                    self._keys = await self._fetch()
                    self._fetched = now
                except (TokenError, TransportError) as error:
                    reason = f": {error}"
            if self._keys is None:
                raise ProviderSilent(f"the keys of {self._issuer} cannot be had{reason}")
            return self._keys

    async def _fetch(self) -> KeySet:
        uri = self._jwks_uri
        if not uri:
            published = await self._ask(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            told = published if isinstance(published, dict) else {}
            uri = str(told.get("jwks_uri", ""))
            if told.get("issuer") != self._issuer or not uri.startswith(("https://", "http://")):
                raise TokenError("its openid-configuration is not that of the issuer, or names no jwks_uri")
            if self._issuer.startswith("https://") and not uri.startswith("https://"):
                raise TokenError("its jwks_uri is no https:// address")
        return KeySet.read(await self._ask(uri))

    async def _ask(self, uri: str) -> Any:
        parts = urlsplit(uri)
        scheme: Literal["http", "https"] = "http" if parts.scheme == "http" else "https"
        port = parts.port or (443 if scheme == "https" else 80)
        origin = Origin(scheme, parts.hostname or "", port, verify=self._verify)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        request = UpstreamRequest("GET", origin, target, [("accept", "application/json")], b"", _PATIENCE)
        response = await self._services.transport.send(request)
        body = await response.read(LARGEST)
        if response.status != 200:
            raise TokenError(f"{parts.hostname} answered {response.status}")
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise TokenError(f"{parts.hostname} answered something else than JSON") from None


class ProviderSilent(TokenError):
    """Whether a token is good cannot be told."""
