"""What the configs of ``ai-proxy`` and ``ai-proxy-multi`` have in common: APISIX's schema, a few fields of ours."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from tollhouse.dataplane import registry
from tollhouse.dataplane.dispatch.choosing.plan import Limits
from tollhouse.dataplane.plugin import PluginConfig, Secret
from tollhouse.dataplane.provider import Provider
from tollhouse.dataplane.transport import Timeouts
from tollhouse.proto.resources.fields import Endpoint, HeaderName, SecretHeader
from tollhouse.proto.resources.model import AwsAuth, GcpAuth, signing_credentials


def _provider(value: str) -> str:
    known = sorted(registry.provider_types())
    if value in known:
        return value
    raise ValueError(f"provider {value!r} is not one of {', '.join(known)}")


def _refused(what: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        if value is not None:
            raise ValueError(what)
        return value

    return BeforeValidator(check)


def _no_payloads(value: bool) -> bool:
    if value:
        raise ValueError(
            "logging.payloads is not supported; use include_req_body and include_resp_body of a log plugin"
        )
    return value


_NEEDLESS = {
    "keepalive_timeout": "connections to a provider are kept for 20 seconds on every route",
    "keepalive_pool": "up to 256 idle connections to a provider are kept by every worker",
    "streaming_flush_interval_ms": "every piece of a stream is passed on at once",
}
"""Options of APISIX with nothing to set here, and what holds instead."""


def drop_needless(config: dict[str, Any]) -> list[str]:
    """Remove in place what has nothing to set here; a note for each."""
    notes = [f"{name} was left out: {text}" for name, text in _NEEDLESS.items() if config.pop(name, None) is not None]
    told = config.get("logging")
    if isinstance(told, dict) and "summaries" in told:
        config["logging"] = {name: value for name, value in told.items() if name != "summaries"}
        notes.append("logging.summaries was left out: log entries of AI routes always hold llm_summary")
    return notes


ProviderType = Annotated[str, AfterValidator(_provider)]


class Auth(PluginConfig):
    """What is sent to the provider to be let in."""

    header: dict[HeaderName, SecretHeader] | None = None
    """Header name to value, best a ``$env://`` or ``$secret://`` reference."""
    query: dict[str, Secret] | None = None
    """Query argument to value."""
    gcp: GcpAuth | None = None
    """A Google service account, for vertex-ai."""
    aws: AwsAuth | None = None
    """AWS keys, for bedrock."""

    @property
    def credentials(self) -> dict[str, str] | None:
        """What requests are signed with."""
        return signing_credentials(self.aws, self.gcp)


class LlmOptions(PluginConfig):
    """Options every provider has under one name or another."""

    max_tokens: int | None = Field(default=None, ge=1)
    """The output limit, always set, in whichever field the provider has for it."""
    max_tokens_cap: int | None = Field(default=None, ge=1)
    """The output limit when the client names none or a larger one; a smaller one stands."""


class Override(PluginConfig):
    """What is done differently from the provider's defaults."""

    endpoint: Endpoint | None = None
    """Another address: scheme and host (the provider's path is added), or with a path, which is then used as it is."""
    llm_options: LlmOptions = LlmOptions()
    """Options by their neutral name."""
    request_body: dict[str, dict[str, Any]] = {}
    """Protocol name to a partial body that is merged into the request."""
    request_body_force_override: bool = False
    """The partial body outweighs what the client sent."""


class Logging(PluginConfig):
    """What of the conversation log plugins may see. Models, tokens and times they always see."""

    payloads: Annotated[bool, AfterValidator(_no_payloads)] = False
    """Prompts and answers; only ``false`` is taken."""


class PhaseTimeouts(PluginConfig):
    """Milliseconds per phase; what is not given follows ``timeout``."""

    connect: int | None = Field(default=None, ge=1, le=600_000)
    """Until a connection stands."""
    first_byte: int | None = Field(default=None, ge=1, le=3_600_000)
    """From the request sent to the answer's first byte."""
    idle: int | None = Field(default=None, ge=1, le=3_600_000)
    """Between two pieces of an answer."""
    total: int | None = Field(default=None, ge=1, le=86_400_000)
    """From the request's arrival: nothing new is tried after it, and no attempt lasts longer."""


class ProxyConfig(PluginConfig):
    """The fields both plugins have at their top level."""

    timeout: int = Field(default=30_000, ge=1, le=600_000)
    """Milliseconds to wait for each phase: connecting, sending, and each piece of the answer."""
    timeouts: PhaseTimeouts = PhaseTimeouts()
    """Ours: a time of its own per phase."""
    max_req_body_size: int = Field(default=64 << 20, ge=1)
    """The largest request body in bytes."""
    max_stream_duration_ms: int | None = Field(default=None, ge=1)
    """The longest a streamed answer may take."""
    max_response_bytes: int | None = Field(default=None, ge=1)
    """The largest answer in bytes."""
    keepalive: bool = True
    """Keep the connection to the provider open after an answer."""
    ssl_verify: bool = True
    """Verify providers' certificates."""
    logging: Logging = Logging()
    """What log plugins may see."""
    cost_event: bool = False
    """Ours: streams say behind their end what they cost, in an event ``tollhouse.cost``."""
    shares_stored: bool = False
    """Ours: whether files and batches may be listed, though the list holds those of everybody using the provider's
    account. Without it they are reached by their ids only."""

    @model_validator(mode="before")
    @classmethod
    def _without_needless(cls, value: Any) -> Any:
        """Configs that APISIX itself wrote into etcd come here as they are."""
        if isinstance(value, dict):
            value = dict(value)
            drop_needless(value)
        return value


class ProviderConf(PluginConfig):
    """Where a cloud has its models: names the address of bedrock and vertex-ai."""

    region: str = Field(min_length=1, max_length=64, pattern=r"^[a-z0-9-]+$")
    """The cloud's region."""
    project_id: str | None = Field(default=None, max_length=64, pattern=r"^[a-z0-9:.-]+$")
    """The Google project."""


def located(provider_type: str, override: Override | None, conf: ProviderConf | None) -> Override | None:
    """The override with the address ``provider_conf`` stands for, unless it has one of its own."""
    if conf is None or (override is not None and override.endpoint):
        return override
    address = vendor(provider_type).locate(conf.region, conf.project_id or "")
    return (override or Override()).model_copy(update={"endpoint": address}) if address else override


def vendor(provider_type: str) -> Provider:
    """The vendor of a validated config."""
    return registry.provider_types()[provider_type]


def missing_endpoint(provider_type: str, override: Override | None, conf: ProviderConf | None = None) -> str:
    """What is wrong when a vendor without an address of its own gets none; empty when nothing is."""
    kind = vendor(provider_type)
    if conf is not None and not kind.locate(conf.region, conf.project_id or "p"):
        return f"provider_conf is for bedrock and vertex-ai, not for {provider_type}; remove it"
    whole = located(provider_type, override, conf)
    if kind.endpoint or (whole is not None and whole.endpoint):
        return ""
    more = "" if not kind.locate("r", "p") else ", or provider_conf (region, for vertex-ai also project_id)"
    return f"provider {provider_type} has no address of its own: set override.endpoint{more}"


def limits_of(config: ProxyConfig, patience: Timeouts | None) -> Limits:
    """Timeouts and bounds. ``patience`` holds where neither ``timeout`` nor ``timeouts`` says otherwise."""
    step = config.timeout / 1000
    base = patience or Timeouts(step, step, step, step)
    if "timeout" in config.model_fields_set:
        base = Timeouts(step, step, step, step)
    own = config.timeouts
    timeouts = Timeouts(
        base.connect_s if own.connect is None else own.connect / 1000,
        base.first_byte_s if own.first_byte is None else own.first_byte / 1000,
        base.idle_s if own.idle is None else own.idle / 1000,
        base.send_s,
        None if own.total is None else own.total / 1000,
    )
    return Limits(
        timeouts=timeouts,
        keepalive=config.keepalive,
        max_body_bytes=config.max_req_body_size,
        max_response_bytes=config.max_response_bytes,
        cost_event=config.cost_event,
        max_stream_s=None if config.max_stream_duration_ms is None else config.max_stream_duration_ms / 1000,
    )


HashOn = Literal["vars", "header", "cookie", "consumer", "vars_combinations"]
