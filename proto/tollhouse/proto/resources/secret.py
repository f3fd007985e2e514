"""Secret stores that ``$secret://<manager>/<id>/...`` references lead to, and stored protobuf definitions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from tollhouse.proto.resources.fields import Part, Resource, Secret
from tollhouse.proto.resources.proto_source import check_proto

Url = Annotated[str, Field(pattern=r"^[^/]+://([\da-zA-Z.-]+|\[[\da-fA-F:]+\])(:\d+)?")]


class SecretStore(Resource):
    """What all secret stores have in common."""

    id: Annotated[str, Field(pattern=r"^([a-z]+/)?[a-zA-Z0-9-_.]{1,64}$")] | None = None
    """The store's id, with its manager before it: ``vault/1``."""


class VaultSecret(SecretStore):
    """A HashiCorp Vault, its key-value engine."""

    uri: Url
    """The address of the Vault server."""

    prefix: str
    """The path under which keys are read."""

    token: Secret
    """The token to read with; a ``$env://`` reference is better than the token itself."""

    namespace: str | None = None
    """The Vault namespace."""

    kv_version: Literal[1, 2] = 1
    """Version of the key-value engine; with 2 the first step of ``prefix`` is its mount."""

    ca_file: str | None = Field(default=None, min_length=1)
    """CA of the server's certificate: a PEM file on the data-plane nodes."""


class AwsSecret(SecretStore):
    """AWS Secrets Manager."""

    access_key_id: str
    """The access key's id."""

    secret_access_key: Secret
    """The access key itself."""

    session_token: Secret | None = None
    """The session token of temporary credentials."""

    region: str = "us-east-1"
    """The region of the secrets manager."""

    endpoint_url: Url | None = None
    """Another address than AWS's own."""


class GcpAuth(Part):
    """A Google service account."""

    client_email: str
    """The account's e-mail address."""

    private_key: Secret
    """The account's private key, PEM."""

    project_id: str
    """The project of the secrets."""

    token_uri: str = "https://oauth2.googleapis.com/token"
    """Where tokens are got."""

    entries_uri: str = "https://secretmanager.googleapis.com/v1"
    """Where secrets are read."""

    scope: list[str] = ["https://www.googleapis.com/auth/cloud-platform"]
    """The scopes asked for."""


class GcpSecret(SecretStore):
    """Google Secret Manager."""

    auth_config: GcpAuth | None = None
    """The service account, written in place."""

    auth_file: str | None = None
    """The service account's file on the data-plane nodes."""

    ssl_verify: bool = True
    """Verify the server's certificate."""

    @model_validator(mode="after")
    def _one(self) -> GcpSecret:
        if (self.auth_config is None) == (self.auth_file is None):
            raise ValueError("exactly one of auth_config and auth_file is needed")
        return self


class FileSecret(SecretStore):
    """A folder of files on the data-plane nodes, as Kubernetes and Docker mount secrets."""

    directory: str = Field(pattern=r"^/")
    """The folder; references name files in it."""


class ProtoDefinition(Resource):
    """A protobuf definition, stored for tools; no plugin of this gateway uses it yet."""

    name: str | None = Field(default=None, min_length=1, max_length=256)
    """A name for people."""

    desc: str | None = Field(default=None, max_length=256)
    """What it defines."""

    content: Annotated[str, Field(min_length=1, max_length=1024 * 1024), AfterValidator(check_proto)]
    """The ``.proto`` source, or a base64 descriptor set."""
