"""What a vendor is: endpoint, formats and paths, authentication, and how to read its failures. Nearly all data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from tollhouse.dataplane.dialect import Dialect
from tollhouse.dataplane.engine.failure_kinds import KINDS
from tollhouse.dataplane.errors import FailureClass, Fault


@dataclass(slots=True)
class UpstreamFailure:
    """One failed attempt, as the vendor's answer (or silence) explains it."""

    failure_class: FailureClass
    kind: str
    """One of ``engine.failure_kinds``."""
    status: int
    message: str
    retry_after_s: float | None = None
    body: Any = None
    """The vendor's error document, parsed, for clients of the same format."""
    unsent: bool = False
    """It never got the request, so asking again bills nothing twice."""
    silent_s: float | None = None
    """How long nothing had come, where something had come before; None: from the beginning on."""
    fault: Fault = field(init=False)
    """Whose it is, by its kind; whoever knows better overwrites it."""

    def __post_init__(self) -> None:
        known = KINDS.get(self.kind)
        self.fault = known.fault if known is not None else "provider"  # a kind of a provider of somebody's own


class Provider(ABC):
    """A vendor type. Stateless; one instance serves the process. Subclass, fill in, put it in ``providers/``."""

    type: ClassVar[str]
    """The name in configs (APISIX's where it has one): ``openai``, ``anthropic``, ``openai-compatible``."""

    otel_name: ClassVar[str]
    """OpenTelemetry's ``gen_ai.provider.name``."""

    endpoint: ClassVar[str] = ""
    """Default base URL; empty when one must be configured."""

    speaks: ClassVar[Mapping[str, str]]
    """Protocol name -> path, in order of preference. A target speaks the client's format if it can; otherwise the
    first entry. ``{model}`` in a path stands for the model's name, ``{rest}`` for what the client's path goes on
    with."""

    streams: ClassVar[Mapping[str, str]] = {}
    """Protocol name -> path of streamed answers, for formats that ask for them at another one."""

    auth_header: ClassVar[str] = "authorization"
    auth_scheme: ClassVar[str] = "Bearer "
    """How a bare key is presented when a config gives only the key."""

    default_key: ClassVar[str] = ""
    """A secret reference used when a config names no auth, e.g. ``$env://OPENAI_API_KEY``."""

    signs: ClassVar[Literal["", "aws", "gcp"]] = ""
    """How requests are authenticated where a header is not enough: signed with AWS keys, or with the token Google gives
    for a service account. Not where a config gives a header of its own."""

    credentials: ClassVar[Mapping[str, str]] = {}
    """What it is done with when a config says nothing: name -> secret reference."""

    joins_path: ClassVar[bool] = False
    """The path of a configured address comes before the vendor's own, instead of in its place."""

    encodes_model: ClassVar[bool] = False
    """Colons of a model's name are encoded in paths."""

    headers: ClassVar[Mapping[str, str]] = {}
    """Sent with every request unless the client sent its own (``anthropic-version``)."""

    passes_headers: ClassVar[tuple[str, ...]] = ()
    """Client headers (exact names, or prefixes ending in ``*``) that are meant for the vendor."""

    hosts: ClassVar[tuple[str, ...]] = ()
    """Host names by which the vendor is recognised where a config names a host instead of a provider."""

    native_models: ClassVar[tuple[str, ...]] = ()
    """Glob patterns of model names that are this vendor's own: ``claude-*``."""

    fallback_model: ClassVar[str] = ""
    """The model used when a request for a model of another vendor falls back to this one and the config names none."""

    max_tokens_field: ClassVar[Mapping[str, str]] = {}
    """Protocol name -> the field that limits output, where the vendor takes another than the format's own."""

    dialect: ClassVar[Dialect | None] = None
    """How its chat completions differ from OpenAI's, or its contents from Gemini's; None: not at all."""

    cache_s: ClassVar[float] = 300.0
    """How long it keeps a prompt in its cache after the last use, where nothing else is asked for."""

    key_headers: ClassVar[Mapping[str, str]] = {}
    """Protocol name -> the header a bearer key goes into bare, for vendors whose formats want it in different ones."""

    sends_model: ClassVar[bool] = True
    """Whether the request body names the model also where a configured address has a path of its own; not where that
    already does."""

    def locate(self, region: str, project: str) -> str:
        """The address of a cloud's models in a region (and project); empty for vendors that have one address."""
        return ""

    @abstractmethod
    def read_failure(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
        """What a non-2xx answer means. Header names are lower case."""

    @abstractmethod
    def read_stream_failure(self, error_type: str, message: str, body: Any = None) -> UpstreamFailure:
        """What an error inside an answer of 200 means. ``body``: its document, parsed, where there is one."""
