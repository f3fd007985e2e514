"""Providers and models: whom we call, and the names agents ask for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from tollhouse.proto.resources.fields import (
    Description,
    Endpoint,
    HeaderName,
    HeaderValue,
    Labels,
    Name,
    ObjectId,
    Part,
    Resource,
    Secret,
    SecretHeader,
    unique,
)
from tollhouse.proto.resources.price import Price
from tollhouse.proto.resources.strategy import Fallbacks, Strategy
from tollhouse.proto.resources.upstream import ActiveCheck


class AwsAuth(Part):
    """Keys requests to AWS are signed with."""

    access_key_id: Secret
    """The key's id."""

    secret_access_key: Secret
    """The key, best a ``$env://`` or ``$secret://`` reference."""

    session_token: Secret | None = None
    """The token of temporary keys."""

    region: str | None = Field(default=None, max_length=64)
    """The region signed for; read from the address when not given."""


class GcpAuth(Part):
    """A Google service account access tokens are had for."""

    service_account_json: Secret
    """The JSON key file's text, best a ``$env://`` or ``$secret://`` reference."""


def signing_credentials(aws: AwsAuth | None, gcp: GcpAuth | None) -> dict[str, str] | None:
    """The two as names and values; None when there is neither."""
    given = aws or gcp
    return None if given is None else given.model_dump(exclude_none=True)


class ProviderAuth(Part):
    """What is sent to be let in. Values are best ``$env://`` or ``$secret://`` references."""

    header: dict[HeaderName, SecretHeader] | None = None
    """Header name to value."""

    query: dict[str, Secret] | None = None
    """Query argument to value."""

    aws: AwsAuth | None = None
    """AWS keys, for bedrock."""

    gcp: GcpAuth | None = None
    """A Google service account, for vertex-ai."""

    @property
    def credentials(self) -> dict[str, str] | None:
        """What requests are signed with."""
        return signing_credentials(self.aws, self.gcp)


class ProviderChecks(Part):
    """Health checks of an account's address."""

    active: ActiveCheck
    """Probes; its targets are skipped while they fail and another is fit. No key is sent with them."""


ModelPattern = Annotated[str, Field(min_length=1, max_length=256)]


class Provider(Resource):
    """A vendor account and endpoint."""

    name: Name | None = None
    """A name for people."""

    desc: Description | None = None
    """Which account this is."""

    labels: Labels | None = None
    """Free key-value pairs, for finding and grouping."""

    type: str = Field(min_length=1, max_length=64)
    """Whose interface it speaks: ``openai``, ``anthropic``, ``openai-compatible``, ..."""

    endpoint: Endpoint | None = None
    """The address: scheme and host (the provider's own path is added), or a whole URL; the vendor's own by default."""

    auth: ProviderAuth | None = None
    """What is sent to be let in; the vendor's usual environment variable when not given."""

    headers: dict[HeaderName, HeaderValue] | None = None
    """Further headers sent with every request."""

    timeout: int = Field(default=30000, ge=1, le=600000)
    """Milliseconds to wait for each phase: connection, first byte, next bytes."""

    ssl_verify: bool = True
    """Verify the server's certificate."""

    checks: ProviderChecks | None = None
    """Health checks of its address."""

    prices: Annotated[dict[ModelPattern, Price], Field(max_length=5000)] = {}
    """What this account pays, by the provider's own model names (``*`` and ``?`` stand for letters; the exact name
    counts first, then the longest pattern); the bundled table fills the gaps. A model's own ``price`` outweighs it."""


class Target(Part):
    """Where a model can be had."""

    provider: ObjectId
    """The id of a provider."""

    model: str = Field(min_length=1, max_length=256)
    """The provider's own name of the model."""

    weight: int = Field(default=1, ge=0)
    """Its share among targets of the same priority; 0 takes none."""

    priority: int = 0
    """Targets of a lower priority serve only while none of a higher one can."""

    max_in_flight: int = Field(default=0, ge=0)
    """How many requests a node sends it at a time (divided among its workers, one each at least); 0: no bound."""

    checks: ProviderChecks | None = None
    """Health checks of this target; the provider's when not given."""


class Model(Resource):
    """A public name agents ask for, and where it can be had. Its id is the name."""

    name: Name | None = None
    """A name for people."""

    desc: Description | None = None
    """What the model is good for."""

    labels: Labels | None = None
    """Free key-value pairs, for finding and grouping."""

    aliases: Annotated[list[Annotated[str, Field(min_length=1, max_length=256)]], AfterValidator(unique)] = []
    """Other names by which it may be asked for."""

    targets: Annotated[list[Target], Field(min_length=1)]
    """Where it can be had."""

    strategy: Strategy = Strategy()
    """How one target is chosen among equals; a route's ``ai-proxy-multi.balancer`` outweighs it."""

    fallbacks: Fallbacks | None = None
    """Which other models take over for which reason; a route's ``ai-proxy-multi.fallbacks`` outweigh them."""

    capabilities: dict[str, bool] = {}
    """What it can do (``vision``, ``tools``, ``structured_output``, ...); the bundled table fills the gaps."""

    context_window: int = Field(default=0, ge=0)
    """Tokens it can read and write together; 0: as the bundled table says."""

    max_output_tokens: int = Field(default=0, ge=0)
    """Tokens it can write; 0: as the bundled table says."""

    price: Price = Price()
    """What it costs, wherever it is had; what the provider's ``prices`` say, then the bundled table, fill the gaps."""

    unknown_price: Literal["block", "estimate", "free"] | None = None
    """What to do where neither ``price`` nor the bundled table has a price: ``block`` refuses the request,
    ``estimate`` charges 15 USD per million tokens read and 75 written, ``free`` charges nothing. By default ``free``
    for ``openai-compatible`` providers (your own servers), else ``estimate``."""

    @model_validator(mode="after")
    def _tiers_name_targets(self) -> Model:
        names: set[str] = set()
        for target in self.targets:
            names |= {target.provider, f"{target.provider}/{target.model}"}
        self.strategy.check_tiers(names)
        return self
