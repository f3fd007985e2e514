"""Recognise a caller by an HMAC over what it sends (``Authorization: Signature ...``, as in APISIX)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import Field
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.identifying import enter, enter_anonymous, not_signed
from tollhouse.dataplane.plugin import Plugin, PluginConfig, Secret
from tollhouse.dataplane.stages import Stage
from tollhouse.proto.sealing import digest

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tollhouse.dataplane.config.snapshot import Recognised
    from tollhouse.dataplane.exchange import Exchange

Algorithm = Literal["hmac-sha1", "hmac-sha256", "hmac-sha512"]
TARGET = "@request-target"
LONGEST = 8192

_PARAMETER = re.compile(r'([a-zA-Z]+)="([^"]*)"')
_HASHES = {"hmac-sha1": hashlib.sha1, "hmac-sha256": hashlib.sha256, "hmac-sha512": hashlib.sha512}


class HmacAuthConfig(PluginConfig):
    """What a signature must cover."""

    allowed_algorithms: list[Algorithm] = Field(default=["hmac-sha1", "hmac-sha256", "hmac-sha512"], min_length=1)
    """What may be signed with."""

    clock_skew: int = Field(default=300, ge=1)
    """Seconds by which the ``Date`` header may differ from the gateway's clock. It must be among the signed headers:
    a date nobody signed proves nothing."""

    signed_headers: list[str] | None = None
    """Headers that must be signed, ``@request-target`` (method and path) among them when wanted."""

    validate_request_body: bool = False
    """The ``Digest`` header (``SHA-256=<base64>``) must be signed, and be that of the body."""

    hide_credentials: bool = False
    """Take the ``Authorization`` header out of what goes on to the upstream. (A model's provider never sees it.)"""

    realm: str = "hmac"
    """The realm named in ``WWW-Authenticate`` when a caller is refused."""

    anonymous_consumer: str | None = None
    """Let callers without a valid signature in as this consumer."""


class HmacAuthConsumer(PluginConfig):
    """What a consumer or credential has under ``hmac-auth``."""

    key_id: str = Field(min_length=1, max_length=256)
    """What signatures name the consumer by; no secret."""

    secret_key: Secret = Field(min_length=1)
    """What signatures are made with."""


class _Refused(Exception):
    """A signature is not good; the text is APISIX's where it has one."""


class _Signature(NamedTuple):
    key_id: str
    algorithm: str
    headers: tuple[str, ...]
    value: bytes


class HmacAuth(Plugin[HmacAuthConfig]):
    """Makes the signature anew and compares."""

    name = "hmac-auth"
    stage = Stage.IDENTIFY
    priority = 2530
    Config = HmacAuthConfig
    ConsumerConfig = HmacAuthConsumer
    needs_credential = True

    @classmethod
    def identity(cls, config: PluginConfig) -> str:
        """The key id."""
        assert isinstance(config, HmacAuthConsumer)
        return config.key_id

    def request(self, ex: Exchange) -> Awaitable[None] | None:
        """Set the consumer, or refuse with 401."""
        authorization = ex.headers.get("authorization", "")
        if authorization[:10].lower() != "signature ":
            enter_anonymous(ex, self.config.anonymous_consumer, self._refusal("missing Authorization header"))
            return None
        try:
            found, signature = self._verified(ex, authorization)
        except _Refused as error:
            self._refuse(ex, authorization, error)
            return None
        if self.config.validate_request_body:
            return self._with_body(ex, found, signature, authorization)
        self._enter(ex, found)
        return None

    def _verified(self, ex: Exchange, authorization: str) -> tuple[Recognised, _Signature]:
        signature = _read(authorization)
        found = ex.snapshot.consumers.recognise(self.name, digest(signature.key_id), ex.received_at)
        config = None if found is None else found.credential.config
        if found is None or not isinstance(config, HmacAuthConsumer):
            raise _Refused("Invalid key_id")
        if signature.algorithm not in self.config.allowed_algorithms:
            raise _Refused("Invalid algorithm")
        lowered = {name.lower() for name in signature.headers}
        for name in ("date", *(self.config.signed_headers or ())):
            if name.lower() not in lowered:
                raise _Refused(f"expected header {name!r} missing in signing")
        self._check_date(ex)
        secret = self.services.secrets.reveal(config.secret_key)
        good = hmac.new(secret.encode(), _signed(ex, signature), _HASHES[signature.algorithm]).digest()
        if not hmac.compare_digest(good, signature.value):
            raise _Refused("Invalid signature")
        return found, signature

    def _check_date(self, ex: Exchange) -> None:
        try:
            at = parsedate_to_datetime(ex.headers.get("date", "")).timestamp()
        except (ValueError, TypeError, OverflowError):
            raise _Refused("Invalid GMT format time") from None
        if abs(ex.received_at - at) > self.config.clock_skew:
            raise _Refused("Clock skew exceeded")

    async def _with_body(self, ex: Exchange, found: Recognised, signature: _Signature, authorization: str) -> None:
        body = ex.body
        if body is None:
            body = ex.body = await ex.read_body()
        told = ex.headers.get("digest", "")
        computed = base64.b64encode(hashlib.sha256(body).digest()).decode()
        signed = any(name.lower() == "digest" for name in signature.headers)
        if not signed or not hmac.compare_digest(told.encode(), f"SHA-256={computed}".encode()):
            self._refuse(ex, authorization, _Refused("Invalid digest"))
            return
        self._enter(ex, found)

    def _enter(self, ex: Exchange, found: Recognised) -> None:
        if self.config.hide_credentials:
            ex.upstream_headers.append(("authorization", None))
        enter(ex, found.consumer, found.credential.id)

    def _refuse(self, ex: Exchange, authorization: str, error: _Refused) -> None:
        not_signed(self.services, ex, "", digest(authorization))
        enter_anonymous(ex, self.config.anonymous_consumer, self._refusal(str(error)))

    def _refusal(self, message: str) -> ClientError:
        missing = message.startswith("missing")
        shown = message if missing else "client request can't be validated"
        headers = {"www-authenticate": f'hmac realm="{self.config.realm}"'}
        return ClientError(
            401,
            "missing_signature" if missing else "invalid_signature",
            f"The request is not signed as it must be: {message}.",
            headers=headers,
            apisix_body={"message": f"{shown}: {message}" if not missing else message},
        )


def _read(authorization: str) -> _Signature:
    """The parts of the header. Raises _Refused."""
    if len(authorization) > LONGEST:
        raise _Refused("the signature is too long")
    told = {name.lower(): value for name, value in _PARAMETER.findall(authorization[10:])}
    missing = next((name for name in ("keyId", "algorithm", "signature") if not told.get(name.lower())), None)
    if missing:
        raise _Refused(f"keyId, algorithm or signature missing ({missing})")
    try:
        value = base64.b64decode(told["signature"], validate=True)
    except (binascii.Error, ValueError):
        raise _Refused("Invalid signature") from None
    return _Signature(told["keyid"], told["algorithm"], tuple(told.get("headers", "").split()), value)


def _signed(ex: Exchange, signature: _Signature) -> bytes:
    """What was signed: the key id, then each named header on a line of its own, in the order the client named them."""
    lines = [signature.key_id]
    for name in signature.headers:
        values = ex.headers.getall(name, ()) if hasattr(ex.headers, "getall") else ()
        if values:
            lines.append(f"{name}: {', '.join(values)}")
        elif name == TARGET:
            path = ex.raw_path if ex.raw_path is not None else ex.path
            lines.append(f"{ex.method} {path}?{ex.query}" if ex.query else f"{ex.method} {path}")
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
