"""Recognise a caller by the certificate it shows when it connects."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509
from pydantic import Field, field_validator, model_validator
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.identifying import enter, enter_anonymous
from tollhouse.dataplane.plugin import Plugin, PluginConfig
from tollhouse.dataplane.stages import Stage
from tollhouse.proto.sealing import digest

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange


class MtlsAuthConfig(PluginConfig):
    """What happens to callers without a certificate of a consumer. That certificates are asked for, and whose are good,
    is said by ``client`` of the server name's ``ssls``."""

    anonymous_consumer: str | None = None
    """Let callers whose certificate is nobody's in as this consumer."""


class MtlsAuthConsumer(PluginConfig):
    """What a consumer or credential has under ``mtls-auth``: exactly one of these."""

    fingerprint: str | None = None
    """The certificate's SHA-256 fingerprint, as openssl prints it or in plain hex: this certificate and no other."""

    uri: str | None = Field(default=None, min_length=1)
    """A URI among its alternative names, such as a SPIFFE id."""

    dns: str | None = Field(default=None, min_length=1)
    """A DNS name among its alternative names."""

    email: str | None = Field(default=None, min_length=1)
    """A mail address among its alternative names."""

    subject: str | None = Field(default=None, min_length=1)
    """Its whole subject as RFC 4514 writes it: ``CN=agent-7,O=Example``."""

    @field_validator("fingerprint")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        if value is None:
            return None
        plain = value.lower().removeprefix("sha256:").replace(":", "")
        if len(plain) != 64 or any(sign not in "0123456789abcdef" for sign in plain):
            raise ValueError("expected a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons")
        return plain

    @model_validator(mode="after")
    def _one(self) -> MtlsAuthConsumer:
        if sum(value is not None for value in vars(self).values()) != 1:
            raise ValueError("exactly one of fingerprint, uri, dns, email and subject is needed")
        return self


class MtlsAuth(Plugin[MtlsAuthConfig]):
    """Looks up what the certificate says of its owner. The connection has checked already that it is good."""

    name = "mtls-auth"
    stage = Stage.IDENTIFY
    priority = 2520
    Config = MtlsAuthConfig
    ConsumerConfig = MtlsAuthConsumer

    @classmethod
    def identity(cls, config: PluginConfig) -> str:
        """Which name of the certificate, and its value."""
        assert isinstance(config, MtlsAuthConsumer)
        return next(f"{name}:{value}" for name, value in config if value is not None)

    def request(self, ex: Exchange) -> None:
        """Set the consumer, or refuse with 401."""
        shown = ex.client_certificate
        for mark in _marks(shown) if shown else ():
            found = ex.snapshot.consumers.recognise(self.name, mark, ex.received_at)
            if found is not None:
                enter(ex, found.consumer, found.credential.id)
                return
        what = "The client certificate is no consumer's" if shown else "No client certificate was shown"
        code = "unknown_certificate" if shown else "missing_certificate"
        refusal = ClientError(401, code, f"{what}. Connect with one that is.", apisix_body={"message": what})
        enter_anonymous(ex, self.config.anonymous_consumer, refusal)


@lru_cache(maxsize=1024)
def _marks(certificate: bytes) -> tuple[str, ...]:
    """What it can be recognised by, the most exact first: looked up like any other credential."""
    names = [f"fingerprint:{hashlib.sha256(certificate).hexdigest()}"]
    try:
        read = x509.load_der_x509_certificate(certificate)
        names += _alternatives(read)
        names.append(f"subject:{read.subject.rfc4514_string()}")
    except ValueError:  # odd, but good to OpenSSL: its fingerprint is still its own
        pass
    return tuple(map(digest, names))


def _alternatives(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    kinds = (("uri", x509.UniformResourceIdentifier), ("dns", x509.DNSName), ("email", x509.RFC822Name))
    return [f"{kind}:{value}" for kind, cls in kinds for value in names.get_values_for_type(cls)]
