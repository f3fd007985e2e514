"""Certificates the gateway shows to clients, chosen by the server name they ask for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from tollhouse.proto.resources.fields import Description, Host, Labels, Name, Part, Resource, unique
from tollhouse.proto.resources.upstream import Pem, SecretPem


class ClientVerification(Part):
    """Mutual TLS: what clients must show."""

    ca: Pem
    """The certificate authorities clients' certificates must come from, PEM."""

    depth: int = Field(default=1, ge=0)
    """How long a client's chain may be."""


class Ssl(Resource):
    """A certificate with its key, and the server names it is for."""

    name: Name | None = None
    """A name for people."""

    desc: Description | None = None
    """What the certificate is for."""

    labels: Labels | None = None
    """Free key-value pairs, for finding and grouping."""

    type: Literal["server"] = "server"
    """Certificates for clients of the gateway; a client certificate stands in the upstream's ``tls`` instead."""

    cert: Pem
    """The certificate with its chain, PEM."""

    key: SecretPem
    """The private key, PEM; never shown again."""

    certs: list[Pem] | None = None
    """Further certificates for the same names (another key type)."""

    keys: list[SecretPem] | None = None
    """The keys of ``certs``, in order."""

    sni: Host | None = None
    """The server name; ``*.example.com`` stands for its direct subdomains."""

    snis: Annotated[list[Host], Field(min_length=1), AfterValidator(unique)] | None = None
    """Several server names."""

    client: ClientVerification | None = None
    """Require a certificate from clients."""

    ssl_protocols: (
        Annotated[list[Literal["TLSv1.2", "TLSv1.3"]], Field(min_length=1, max_length=2), AfterValidator(unique)] | None
    ) = None
    """Protocol versions offered; both when not given."""

    status: Literal[0, 1] = 1
    """1 serves, 0 switches the certificate off."""

    validity_start: int | None = None
    """When the certificate becomes valid, in epoch seconds; for people."""

    validity_end: int | None = None
    """When the certificate expires, in epoch seconds; for people."""

    @model_validator(mode="after")
    def _consistent(self) -> Ssl:
        if (self.sni is None) == (self.snis is None):
            raise ValueError("exactly one of sni and snis is needed")
        if len(self.certs or []) != len(self.keys or []):
            raise ValueError(f"{len(self.certs or [])} certs need as many keys, came {len(self.keys or [])}")
        return self

    @property
    def names(self) -> list[str]:
        """The server names, however they were given."""
        return self.snis if self.snis is not None else [self.sni or ""]
