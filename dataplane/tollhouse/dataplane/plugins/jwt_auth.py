"""Recognise a caller by a JSON Web Token: one its consumer's key signed, or one of an identity provider."""

from __future__ import annotations

import base64
import binascii
import logging
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any, NamedTuple

from tollhouse.dataplane.errors import ClientError, GatewayFault
from tollhouse.dataplane.identifying import enter, enter_anonymous, not_signed
from tollhouse.dataplane.identity_provider import ProviderKeys, ProviderSilent
from tollhouse.dataplane.jwt_options import JwtAuthConfig, JwtAuthConsumer, public_key_of
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.stages import Stage
from tollhouse.proto import tokens
from tollhouse.proto.sealing import digest
from tollhouse.proto.tokens import SYMMETRIC, TokenError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tollhouse.dataplane.config.snapshot import Recognised
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.services import Services

log = logging.getLogger("tollhouse.plugins")

REMEMBERED = 4096
"""Tokens whose signature was checked lately; the oldest are forgotten first."""
REMEMBERED_S = 60.0
"""So long a signature that was good is taken as good."""


class _Good(NamedTuple):
    """A token whose signature was good."""

    mark: str
    """By which its consumer is found."""
    config: Any
    """The consumer's config then; another one means to look again."""
    until: float


class JwtAuth(Plugin[JwtAuthConfig]):
    """Finds the consumer a token names, and checks the token with the consumer's or the issuer's key."""

    name = "jwt-auth"
    stage = Stage.IDENTIFY
    priority = 2510
    Config = JwtAuthConfig
    ConsumerConfig = JwtAuthConsumer
    needs_credential = True

    def __init__(
        self, config: JwtAuthConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._good: OrderedDict[str, _Good] = OrderedDict()
        self._issuers = {
            one.issuer: (one, ProviderKeys(services, one.issuer, one.jwks_uri, one.ssl_verify))
            for one in config.issuers
        }

    @classmethod
    def identity(cls, config: PluginConfig) -> str:
        """The key, together with the issuer where there is one: neither can pass for the other."""
        assert isinstance(config, JwtAuthConsumer)
        return config.key if config.issuer is None else f"{config.issuer}\n{config.key}"

    def request(self, ex: Exchange) -> Awaitable[None] | None:
        """Set the consumer, or refuse with 401."""
        token, source = self._presented(ex)
        if not token:
            enter_anonymous(ex, self.config.anonymous_consumer, self._refusal("Missing JWT token in request"))
            return None
        mark = digest(token)
        good = self._good.get(mark)
        if good is not None:
            found = ex.snapshot.consumers.recognise(self.name, good.mark, ex.received_at)
            if found is not None and found.credential.config is good.config and ex.received_at < good.until:
                self._enter(ex, found, source)
                return None
            del self._good[mark]
        try:
            claims = tokens.unverified_claims(token)
            issuer = claims.get("iss")
            if isinstance(issuer, str) and issuer in self._issuers:
                return self._of_issuer(ex, token, mark, source, issuer)
            self._judge(ex, token, mark, source, self._of_consumer(ex, token, claims))
        except TokenError as error:
            self._refuse(ex, token, mark, error)
        return None

    # -- tokens of consumers

    def _of_consumer(self, ex: Exchange, token: str, claims: dict[str, Any]) -> tuple[dict[str, Any], str]:
        key = claims.get(self.config.key_claim_name)
        if not isinstance(key, str) or not key:
            raise TokenError("missing user key in JWT token")
        identity = digest(key)
        found = ex.snapshot.consumers.recognise(self.name, identity, ex.received_at)
        config = None if found is None else found.credential.config
        if not isinstance(config, JwtAuthConsumer) or config.issuer is not None:
            raise TokenError("Invalid user key in JWT token")
        if tokens.read_head(token).algorithm != config.algorithm:
            raise TokenError("its algorithm is not the consumer's")
        verified = tokens.verify(token, self._key(config), (config.algorithm,))
        looked_at: tuple[str, ...] = tuple(self.config.claims_to_verify)
        wanted = {name: verified[name] for name in looked_at if name in verified}
        tokens.check_times(wanted, ex.received_at, leeway_s=config.lifetime_grace_period, required=())
        return verified, identity

    def _key(self, config: JwtAuthConsumer) -> Any:
        if config.algorithm not in SYMMETRIC:
            return public_key_of(self.services.secrets.reveal(config.public_key or ""))
        secret = self.services.secrets.reveal(config.secret or "")
        if not config.base64_secret:
            return secret.encode()
        try:
            return base64.b64decode(secret, validate=True)
        except (binascii.Error, ValueError):
            raise GatewayFault(
                "secret_unavailable", f"The secret of consumer key {config.key!r} is no base64."
            ) from None

    # -- tokens of identity providers

    async def _of_issuer(self, ex: Exchange, token: str, mark: str, source: str, issuer: str) -> None:
        settings, keys = self._issuers[issuer]
        try:
            head = tokens.read_head(token)
            key_set = keys.known(head.key_id) or await keys.get(head.key_id)
            claims = key_set.verify(token, head, settings.algorithms)
            tokens.check_times(claims, ex.received_at)
            wanted = {settings.audience} if isinstance(settings.audience, str) else set(settings.audience)
            if not wanted & tokens.audiences(claims):
                raise TokenError("it is meant for another audience")
            subject = claims.get(settings.consumer_claim)
            if not isinstance(subject, str) or not subject:
                raise TokenError(f"it has no {settings.consumer_claim}")
            self._judge(ex, token, mark, source, (claims, digest(f"{issuer}\n{subject}")))
        except ProviderSilent as error:
            log.warning("identity provider: %s", error)
            text = "Whether this token is good cannot be told now: the identity provider does not answer."
            raise ClientError(503, "identity_provider_unavailable", text, retry_after_s=10.0) from None
        except TokenError as error:
            self._refuse(ex, token, mark, error)

    # -- letting in

    def _judge(self, ex: Exchange, token: str, mark: str, source: str, verified: tuple[dict[str, Any], str]) -> None:
        """Let in whose token it is, and remember that its signature is good."""
        claims, identity = verified
        found = ex.snapshot.consumers.recognise(self.name, identity, ex.received_at)
        if found is None:
            raise TokenError("Invalid user key in JWT token")
        until = ex.received_at + REMEMBERED_S
        expires = claims.get("exp")
        if isinstance(expires, int | float):
            until = min(until, expires)
        self._good[mark] = _Good(identity, found.credential.config, until)
        if len(self._good) > REMEMBERED:
            self._good.popitem(last=False)
        self._enter(ex, found, source)

    def _enter(self, ex: Exchange, found: Recognised, source: str) -> None:
        if self.config.hide_credentials and source:
            ex.upstream_headers.append((source, None))
        enter(ex, found.consumer, found.credential.id)

    def _presented(self, ex: Exchange) -> tuple[str, str]:
        """The token, and the header it stood in; empty for one in the query."""
        name = self.config.header.lower()
        value = ex.headers.get(name, "")
        if value:
            scheme, _, token = value.partition(" ")
            return (token.strip() if scheme.lower() == "bearer" else value.strip()), name
        token = ex.args.get(self.config.query, "") if ex.query else ""
        if token:
            return token, ""
        cookies = ex.headers.get("cookie")
        if cookies:
            try:
                found = SimpleCookie(cookies).get(self.config.cookie)
            except CookieError:
                found = None
            if found is not None:
                return found.value, "cookie"
        return "", ""

    def _refuse(self, ex: Exchange, token: str, mark: str, error: TokenError) -> None:
        not_signed(self.services, ex, token, mark)
        text = str(error)
        apisix = text if text[:1].isupper() or text.startswith("missing") else "failed to verify jwt"
        told = text if text is apisix else f"The token is refused: {text}"
        enter_anonymous(ex, self.config.anonymous_consumer, self._refusal(told, apisix))

    def _refusal(self, message: str, apisix: str = "") -> ClientError:
        code = "missing_token" if message.startswith("Missing JWT") else "invalid_token"
        text = f"{message}. Send it as Authorization: Bearer TOKEN."
        headers = {"www-authenticate": f'Bearer realm="{self.config.realm}"'}
        return ClientError(401, code, text, headers=headers, apisix_body={"message": apisix or message})
