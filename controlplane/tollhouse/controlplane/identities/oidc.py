"""An identity provider (OpenID Connect): bearer tokens for the Admin API, and signing in to the console.

What the provider publishes (its addresses, its keys) is fetched when first needed, kept, and fetched anew after a while
or when a token names a key nobody has seen; when the provider does not answer, what was fetched last stays good.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import orjson
from tollhouse.controlplane.access import AdminKey
from tollhouse.controlplane.permissions import ROLES, Permit, read_role
from tollhouse.controlplane.service.refusal import Fault, Refusal
from tollhouse.proto import tokens
from tollhouse.proto.resources.admin import Role
from tollhouse.proto.tokens import KeySet, TokenError

_log = logging.getLogger("tollhouse.controlplane.identities")

FRESH_S = 600.0
"""So long keys and addresses are taken as they are."""
AGAIN_S = 10.0
"""Between fetches that unknown key ids ask for: tokens are made up faster than keys are."""
TIMEOUT_S = 5.0
LEEWAY_S = 30.0
ATTEMPT_S = 600.0
"""So long a person may take to sign in at the provider."""
LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """How the provider is used."""

    issuer: str
    audience: str = ""
    """What bearer tokens must be meant for."""
    roles: Mapping[str, Role] = field(default_factory=dict)
    """A value of the role claim -> our role; the first that fits, in this order."""
    role_claim: str = "roles"
    """Where the values stand; dots lead into objects (``realm_access.roles``)."""
    name_claim: str = "email"
    """What people are called in the history; ``sub`` where it is missing."""
    groups_claim: str = ""
    """Consumer groups the identity is narrowed to; empty: not narrowed."""
    client_id: str = ""
    """Of the console; empty: nobody signs in to it this way."""
    client_secret: str = field(default="", repr=False)
    """Of the console, where the provider gave one (PKCE is used anyway)."""
    ca: str = ""
    """CA of the provider's certificate (PEM file); the system's when empty."""


class Oidc:
    """The provider as this process sees it. One per process; shared by all requests."""

    def __init__(self, settings: OidcSettings, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        """``secret`` signs what the browser keeps while a person is at the provider."""
        self.settings = settings
        self._secret = secret
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._lock = asyncio.Lock()
        self._published: dict[str, Any] = {}
        self._keys = KeySet()
        self._fetched = self._tried = -1e9

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()

    # -- bearer tokens

    async def identify(self, token: str) -> AdminKey:
        """Who shows this token. Raises Refusal."""
        if not self.settings.audience:
            raise Refusal(Fault.UNAUTHENTICATED, "bearer tokens are not taken; start with --oidc-audience")
        return self.identity(await self._verified(token, self.settings.audience))

    def identity(self, claims: dict[str, Any]) -> AdminKey:
        """What verified claims make somebody. Raises Refusal for an identity without a role."""
        settings = self.settings
        told = _values(claims, settings.role_claim)
        role = next((role for value, role in settings.roles.items() if value in told), None)
        name = str(claims.get(settings.name_claim) or claims.get("sub") or "")[:200]
        if role is None or not name:
            raise Refusal(Fault.DENIED, f"{name or 'this identity'} has none of the roles that are let in here")
        groups = _values(claims, settings.groups_claim) if settings.groups_claim else frozenset()
        if settings.groups_claim and not groups:
            raise Refusal(Fault.DENIED, f"{name} belongs to no consumer group (claim {settings.groups_claim})")
        # The digest is none of a key: it stands for the subject, so that a session knows whose it is.
        subject = hashlib.sha256(orjson.dumps([settings.issuer, claims.get("sub")])).digest()
        return AdminKey(name, role, subject, Permit(role, groups=groups), "oidc", float(claims["exp"]))

    async def _verified(self, token: str, audience: str) -> dict[str, Any]:
        try:
            head = tokens.read_head(token)
            await self._refresh(head.key_id)
            claims = self._keys.verify(token, head, tokens.ASYMMETRIC)
            tokens.check_times(claims, self._clock(), leeway_s=LEEWAY_S)
            if claims.get("iss") != self.settings.issuer:
                raise TokenError("it is of another issuer")
            if audience not in tokens.audiences(claims):
                raise TokenError("it is meant for another audience")
        except TokenError as error:
            raise Refusal(Fault.UNAUTHENTICATED, f"wrong token: {error}") from None
        return claims

    # -- signing in

    async def start(self, callback: str) -> tuple[str, str]:
        """Where to send the browser, and what it shall keep meanwhile. Raises Refusal."""
        await self._refresh("")
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": callback,
            "scope": "openid email profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = self._address("authorization_endpoint")
        kept = {"state": state, "nonce": nonce, "verifier": verifier, "until": self._clock() + ATTEMPT_S}
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}", self._sign(kept)

    async def finish(self, kept: str, state: str, code: str, callback: str) -> AdminKey:
        """Who came back from the provider. Raises Refusal."""
        told = self._read(kept)
        if told is None or not hmac.compare_digest(str(told["state"]).encode(), state.encode()):
            raise Refusal(Fault.UNAUTHENTICATED, "signing in was not begun here, or took too long; begin again")
        await self._refresh("")
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback,
            "client_id": self.settings.client_id,
            "code_verifier": str(told["verifier"]),
        }
        if self.settings.client_secret:
            asked["client_secret"] = self.settings.client_secret
        answer = await self._ask("POST", self._address("token_endpoint"), asked)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise Refusal(Fault.UNAUTHENTICATED, "the identity provider did not confirm the sign-in; begin again")
        claims = await self._verified(token, self.settings.client_id)
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), str(told["nonce"]).encode()):
            raise Refusal(Fault.UNAUTHENTICATED, "the identity provider answered another sign-in; begin again")
        return self.identity(claims)

    def _sign(self, kept: dict[str, Any]) -> str:
        text = base64.urlsafe_b64encode(orjson.dumps(kept)).decode()
        return f"{text}.{hmac.new(self._secret, b'sign-in ' + text.encode(), hashlib.sha256).hexdigest()}"

    def _read(self, kept: str) -> dict[str, Any] | None:
        text, _, signature = kept.partition(".")
        good = hmac.new(self._secret, b"sign-in " + text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature.encode(), good.encode()):
            return None
        told: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(text))
        return told if told["until"] > self._clock() else None

    # -- what the provider publishes

    async def _refresh(self, key_id: str) -> None:
        """Raises Refusal (UNAVAILABLE) when nothing could be fetched yet."""
        async with self._lock:
            now = self._clock()
            unknown = bool(key_id) and key_id not in self._keys
            if now - self._fetched < FRESH_S and not unknown:
                return
            if now - self._tried >= AGAIN_S:
                self._tried = now
                try:
                    await self._fetch()
                    self._fetched = now
                except Refusal as refusal:
                    _log.warning("identity provider: %s", refusal.text)
            if not self._published:
                raise Refusal(Fault.UNAVAILABLE, "the identity provider does not answer; a key still lets you in")

    async def _fetch(self) -> None:
        issuer = self.settings.issuer
        published = await self._ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if published.get("issuer") != issuer:
            raise Refusal(Fault.UNAVAILABLE, f"what is published at {issuer} is of another issuer")
        for name in ("jwks_uri", "authorization_endpoint", "token_endpoint"):
            _same_safety(issuer, str(published.get(name, "")), name)
        try:
            keys = KeySet.read(await self._ask("GET", str(published["jwks_uri"])))
        except TokenError as error:
            raise Refusal(Fault.UNAVAILABLE, str(error)) from None
        self._published, self._keys = published, keys

    def _address(self, name: str) -> str:
        return str(self._published[name])

    async def _ask(self, method: str, url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        if self._session is None:
            context = ssl.create_default_context(cafile=self.settings.ca or None)
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
            connector = aiohttp.TCPConnector(ssl=context)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        host = urlsplit(url).netloc
        try:
            async with self._session.request(method, url, data=form, allow_redirects=False) as response:
                body = await response.content.read(LARGEST)
                if response.status >= 500:
                    raise Refusal(Fault.UNAVAILABLE, f"{host} answered {response.status}")
                told = orjson.loads(body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Refusal(Fault.UNAVAILABLE, f"{host} cannot be reached: {type(error).__name__}") from None
        except orjson.JSONDecodeError:
            raise Refusal(Fault.UNAVAILABLE, f"{host} answered something else than JSON") from None
        return told if isinstance(told, dict) else {}


def _same_safety(issuer: str, address: str, name: str) -> None:
    """A provider reached over TLS does not send us anywhere without it."""
    if not address.startswith(("https://", "http://")) or (
        issuer.startswith("https://") and not address.startswith("https://")
    ):
        raise Refusal(Fault.UNAVAILABLE, f"the identity provider names no https:// address as its {name}")


def _values(claims: dict[str, Any], path: str) -> frozenset[str]:
    """The texts a claim has: itself, or those in its list."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for step in path.split("."):
            found = found.get(step) if isinstance(found, dict) else None
    if isinstance(found, str):
        return frozenset(found.split())
    return frozenset(one for one in found if isinstance(one, str)) if isinstance(found, list) else frozenset()


def read_roles(text: str) -> dict[str, Role]:
    """``gateway-admins=admin,finance-team=finance``. Raises ValueError."""
    roles: dict[str, Role] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        value, _, name = part.rpartition("=")
        role = read_role(name)
        if not value or role is None:
            raise ValueError(f"--oidc-roles: expected VALUE=ROLE with a role of {', '.join(ROLES)}, came {part!r}")
        roles[value] = role
    return roles
