"""Let browsers call from other origins."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.stages import Stage
from tollhouse.proto.expression import compile_pattern

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.services import Services

_ALL_METHODS = "GET,POST,PUT,DELETE,PATCH,HEAD,OPTIONS,CONNECT,TRACE"
_ORIGINS = r"^(\*|\*\*|null|\w+://[^,\s]+(,\w+://[^,\s]+)*)$"


def _pattern(value: str) -> str:
    compile_pattern(value)
    return value


Patterns = Annotated[list[Annotated[str, Field(min_length=1), AfterValidator(_pattern)]], Field(min_length=1)]
HeaderText = Annotated[str, Field(pattern=r"^[\x20-\x7e]*$")]


class CorsConfig(PluginConfig):
    """What browsers of other origins may do."""

    allow_origins: str = Field(default="*", pattern=_ORIGINS)
    """Allowed origins as ``scheme://host:port``, separated by commas; ``*`` all without credentials, ``**`` all."""

    allow_methods: HeaderText = "*"
    """Allowed methods, separated by commas; ``*`` all without credentials, ``**`` all."""

    allow_headers: HeaderText = "*"
    """Allowed request headers, separated by commas; ``*`` all without credentials, ``**`` what is asked for."""

    expose_headers: HeaderText | None = None
    """Response headers scripts may read, separated by commas."""

    max_age: int = 5
    """Seconds a browser may keep the answer to a preflight; -1 keeps none."""

    allow_credential: bool = False
    """Let requests carry cookies and the like; then no other option may be ``*``."""

    allow_origins_by_regex: Patterns | None = None
    """Allowed origins by regular expression; ``allow_origins`` is then not looked at."""

    allow_origins_by_metadata: Annotated[list[str], Field(min_length=1)] | None = None
    """Names of origin lists kept in the plugin's metadata."""

    timing_allow_origins: str | None = Field(default=None, pattern=_ORIGINS)
    """Origins that may read resource timings."""

    timing_allow_origins_by_regex: Patterns | None = None
    """The same by regular expression."""


class CorsMetadata(PluginConfig):
    """Origin lists to refer to from many places."""

    allow_origins: dict[str, Annotated[str, Field(pattern=_ORIGINS)]] = {}
    """Name to origins, as in ``allow_origins`` of a route."""


class Cors(Plugin[CorsConfig]):
    """Answers preflights, and adds the headers browsers ask for to every reply."""

    name = "cors"
    stage = Stage.ACCEPT
    priority = 4000
    Config = CorsConfig
    Metadata = CorsMetadata

    def __init__(
        self, config: CorsConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._allowed = self._compile_allowed()
        by_regex = config.timing_allow_origins_by_regex
        self._timing = (
            _by_regex(by_regex)
            if by_regex
            else _by_list(config.timing_allow_origins)
            if config.timing_allow_origins
            else None
        )

    @classmethod
    def check(cls, config: Any) -> list[str]:
        """With credentials browsers accept no ``*``."""
        stars = (config.allow_origins, config.allow_methods, config.allow_headers, config.expose_headers)
        if config.allow_credential and ("*" in stars or config.timing_allow_origins == "*"):
            return ["you can not set '*' for other option when 'allow_credential' is true"]
        return []

    def request(self, ex: Exchange) -> Reply | None:
        """Answer a preflight."""
        return Reply(200) if ex.method == "OPTIONS" else None

    def reply(self, ex: Exchange, reply: Reply) -> None:
        """Add the headers, when the origin is allowed."""
        origin = ex.headers.get("origin", "")
        allowed = self._allowed(origin)
        if allowed:
            self._set_headers(ex, reply, allowed)
        timing = self._timing(origin) if self._timing is not None else None
        if timing:
            reply.set_header("timing-allow-origin", timing)

    def _set_headers(self, ex: Exchange, reply: Reply, allowed: str) -> None:
        config = self.config
        reply.set_header("access-control-allow-origin", allowed)
        if allowed != "*":
            reply.headers.append(("vary", "Origin"))
        methods = _ALL_METHODS if config.allow_methods == "**" else config.allow_methods
        reply.set_header("access-control-allow-methods", methods)
        reply.set_header("access-control-max-age", str(config.max_age))
        if config.expose_headers:
            reply.set_header("access-control-expose-headers", config.expose_headers)
        headers = config.allow_headers
        if headers == "**":
            headers = ex.headers.get("access-control-request-headers", "")
        if headers:
            reply.set_header("access-control-allow-headers", headers)
        if config.allow_credential:
            reply.set_header("access-control-allow-credentials", "true")

    def _compile_allowed(self) -> Callable[[str], str | None]:
        config, metadata = self.config, self.metadata
        by_regex = config.allow_origins_by_regex
        tests = [_by_regex(by_regex) if by_regex else _by_list(config.allow_origins)]
        if config.allow_origins_by_metadata and isinstance(metadata, CorsMetadata):
            named = [metadata.allow_origins.get(name) for name in config.allow_origins_by_metadata]
            tests += [_by_list(origins) for origins in named if origins]

        def allowed(origin: str) -> str | None:
            return next((found for test in tests if (found := test(origin))), None)

        return allowed


def _by_list(origins: str) -> Callable[[str], str | None]:
    if origins == "**":
        return lambda origin: origin or "*"
    if "," in origins:
        known = frozenset(origins.split(","))
        return lambda origin: origin if origin in known else None
    return lambda origin: origins


def _by_regex(patterns: list[str]) -> Callable[[str], str | None]:
    searches = [compile_pattern(pattern).search for pattern in patterns]

    def test(origin: str) -> str | None:
        return origin if origin and any(search(origin) is not None for search in searches) else None

    return test
