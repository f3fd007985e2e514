"""What jwt-auth is told: on a route where tokens are and who may have signed them, on a consumer what it signs with."""

from __future__ import annotations

from typing import Any, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import Field, field_validator, model_validator
from tollhouse.dataplane.plugin import PluginConfig, Secret
from tollhouse.proto.resources.fields import is_reference
from tollhouse.proto.tokens import ASYMMETRIC, SYMMETRIC

Algorithm = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"
]


class Issuer(PluginConfig):
    """An identity provider whose tokens let in."""

    issuer: str = Field(min_length=1)
    """As its tokens say in ``iss``."""

    audience: str | list[str] = Field(min_length=1)
    """What its tokens must be meant for (``aud``): one of these."""

    jwks_uri: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Where its keys are; without it they are found by ``<issuer>/.well-known/openid-configuration``."""

    algorithms: list[Algorithm] = Field(default=["RS256", "PS256", "ES256", "EdDSA"], min_length=1)
    """What its tokens may be signed with."""

    consumer_claim: str = Field(default="sub", min_length=1)
    """The claim whose value is the ``key`` of a consumer of this issuer."""

    ssl_verify: bool = True
    """Verify the certificate of the provider."""

    @field_validator("algorithms")
    @classmethod
    def _public(cls, value: list[Algorithm]) -> list[Algorithm]:
        if not ASYMMETRIC.issuperset(value):
            raise ValueError(
                "an identity provider signs with public keys; HS algorithms are for consumers' own secrets"
            )
        return value

    @field_validator("issuer")
    @classmethod
    def _address(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("expected the https:// address that stands in iss")
        return value


class JwtAuthConfig(PluginConfig):
    """Where a token is presented, and who besides consumers may have signed it."""

    header: str = Field(default="authorization", pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
    """The header the token is taken from, with or without ``Bearer``."""

    query: str = Field(default="jwt", min_length=1)
    """The query argument it is taken from when the header has none."""

    cookie: str = Field(default="jwt", min_length=1)
    """The cookie it is taken from when neither has one."""

    hide_credentials: bool = False
    """Take the token out of what goes on to the upstream. (A model's provider never sees it.)"""

    key_claim_name: str = Field(default="key", min_length=1)
    """The claim that names the consumer's ``key``."""

    claims_to_verify: list[Literal["exp", "nbf"]] = ["exp", "nbf"]
    """Claims about time that are looked at in tokens of consumers, where they have them; tokens of issuers must have
    ``exp``."""

    store_in_ctx: Literal[False] = False
    """Not offered: what a token says is used to recognise its consumer only."""

    realm: str = "jwt"
    """The realm named in ``WWW-Authenticate`` when a caller is refused."""

    anonymous_consumer: str | None = None
    """Let callers without a valid token in as this consumer."""

    issuers: list[Issuer] = []
    """Identity providers whose tokens let in the consumers that name them."""


class JwtAuthConsumer(PluginConfig):
    """What a consumer or credential has under ``jwt-auth``."""

    key: str = Field(min_length=1, max_length=512)
    """What tokens name the consumer by; no secret."""

    secret: Secret | None = Field(default=None, min_length=1)
    """For HS algorithms: the shared secret."""

    public_key: str | None = Field(default=None, min_length=1)
    """For the others: the public key, PEM."""

    algorithm: Algorithm = "HS256"
    """What the consumer's tokens are signed with; no other is taken."""

    exp: int = Field(default=86400, ge=1)
    """For tools that make tokens: how long they shall be good, in seconds."""

    base64_secret: bool = False
    """Whether ``secret`` is written in base64."""

    lifetime_grace_period: int = Field(default=0, ge=0)
    """Seconds by which clocks may differ."""

    issuer: str | None = Field(default=None, min_length=1)
    """The identity provider that vouches for the consumer, instead of a key of its own; ``key`` is then the value of
    the plugin's ``consumer_claim``."""

    @model_validator(mode="after")
    def _consistent(self) -> JwtAuthConsumer:
        if self.issuer is not None:
            if self.secret is not None or self.public_key is not None:
                raise ValueError("a consumer of an issuer has no secret and no public_key; the issuer's keys are used")
        elif self.algorithm in SYMMETRIC:
            if self.secret is None:
                raise ValueError(f"algorithm {self.algorithm} needs a secret (gatewayctl keys issue makes one)")
        elif self.public_key is None:
            raise ValueError(f"algorithm {self.algorithm} needs a public_key")
        elif not is_reference(self.public_key):
            public_key_of(self.public_key)
        return self


def public_key_of(text: str) -> Any:
    """A public key in PEM. Raises ValueError."""
    try:
        return load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("public_key: expected a public key in PEM (-----BEGIN PUBLIC KEY-----)") from None
