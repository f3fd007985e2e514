"""Authenticates requests where a header is not enough: AWS signatures, and tokens for Google service accounts."""

from __future__ import annotations

import asyncio
import re
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from tollhouse.dataplane.dispatch.setup.endpoints import Endpoint
from tollhouse.dataplane.engine.google_jwt import ServiceAccount, assertion, read_account
from tollhouse.dataplane.engine.sigv4 import AwsKey, sign
from tollhouse.dataplane.errors import GatewayFault
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.transport import Origin, TransportError, UpstreamRequest

_REGION = re.compile(r"(?:^|\.)(?:bedrock-runtime(?:-fips)?)\.([a-z0-9-]+)\.")
_EARLY_S = 60
"""A token is renewed this long before it ends."""


class Signer:
    """Signs requests. One per driver; shared by exchanges. Tokens are kept until they are about to end."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._tokens: dict[str, tuple[str, float]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def sign(self, endpoint: Endpoint, request: UpstreamRequest) -> None:
        """Add to the request's headers what authenticates it. Raises GatewayFault ``secret_unavailable``."""
        secrets = self._services.secrets
        given = {name: secrets.reveal_header(value) for name, value in endpoint.credentials}
        if endpoint.provider.signs == "aws":
            request.headers = [*request.headers, *self._aws(endpoint, request, given)]
        elif endpoint.provider.signs == "gcp":
            token = await self._token(given.get("service_account_json", ""))
            request.headers = [*request.headers, ("authorization", f"Bearer {token}")]

    def _aws(self, endpoint: Endpoint, request: UpstreamRequest, given: dict[str, str]) -> list[tuple[str, str]]:
        origin = endpoint.origin
        found = _REGION.search(origin.host)
        region = given.get("region") or (found[1] if found else "us-east-1")
        token = given.get("session_token", "")
        key = AwsKey(given["access_key_id"], given["secret_access_key"], region, "bedrock", token)
        standard = 443 if origin.scheme == "https" else 80
        host = origin.host if origin.port == standard else f"{origin.host}:{origin.port}"
        signed = {"host": host, "content-type": "application/json"}
        assert isinstance(request.body, bytes)
        now = self._services.clock.time()
        return sign(key, request.method, request.target, signed, request.body, now)

    async def _token(self, text: str) -> str:
        digest = sha256(text.encode()).hexdigest()
        async with self._locks.setdefault(digest, asyncio.Lock()):
            token, until = self._tokens.get(digest, ("", 0.0))
            now = self._services.clock.time()
            if now < until - _EARLY_S:
                return token
            try:
                account = read_account(text)
                statement = assertion(account, now)
            except ValueError as error:
                raise GatewayFault("secret_unavailable", f"{error}.") from None
            token, lifetime_s = await self._fetch(account, statement)
            self._tokens[digest] = (token, now + lifetime_s)
            return token

    async def _fetch(self, account: ServiceAccount, statement: str) -> tuple[str, float]:
        parts = urlsplit(account.token_uri)
        scheme = "http" if parts.scheme == "http" else "https"
        origin = Origin(scheme, parts.hostname or "", parts.port or (443 if scheme == "https" else 80))  # type: ignore[arg-type]
        grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": statement}
        headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")]
        request = UpstreamRequest("POST", origin, parts.path or "/token", headers, urlencode(grant).encode())
        try:
            response = await self._services.transport.send(request)
            body = await response.read(1 << 16)
        except TransportError as error:
            raise GatewayFault(
                "secret_unavailable", f"Google's token server cannot be reached: {error.message}"
            ) from None
        try:
            told: Any = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            told = None
        token = told.get("access_token") if isinstance(told, dict) else None
        if response.status != 200 or not isinstance(token, str):
            raise GatewayFault(
                "secret_unavailable", f"Google's token server answered {response.status} without a token."
            )
        lifetime = told.get("expires_in")
        return token, float(lifetime) if isinstance(lifetime, int | float) else 300.0
