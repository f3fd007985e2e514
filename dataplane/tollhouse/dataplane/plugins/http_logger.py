"""Send log entries to an HTTP server in batches."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig, Secret
from tollhouse.dataplane.records.log_batches import BatchConfig, BatchSender, SendFailed
from tollhouse.dataplane.records.log_config import EntryWriter, LoggerConfig, LoggerMetadata, check_expressions
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage
from tollhouse.dataplane.transport import Origin, Timeouts, TransportError, UpstreamRequest
from tollhouse.proto.resources.fields import header_value

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.reply import Reply

_ANSWER_LIMIT = 64 * 1024


class HttpLoggerConfig(LoggerConfig, BatchConfig):
    """Where entries go and how they are gathered. With the default of no retries an entry arrives at most once."""

    uri: str
    """The ``http://`` or ``https://`` address batches are posted to."""
    auth_header: Annotated[Secret, AfterValidator(header_value)] = ""
    """The value of the ``Authorization`` header; a reference such as ``$env://NAME`` keeps it out of the config."""
    timeout: int = Field(default=3, ge=1)
    """Seconds for connecting, and for the answer."""
    name: str = "http logger"
    """What the gateway's own log and metrics call it."""
    concat_method: Literal["json", "new_line"] = "json"
    """Several entries as one JSON array, or as one JSON object per line."""
    ssl_verify: bool = False
    """Check the server's certificate."""


class HttpLoggerMetadata(LoggerMetadata):
    """What holds for all places."""

    max_pending_entries: int = Field(default=8192, ge=1)
    """While so many entries wait, further ones are dropped (and counted)."""


class HttpLogger(Plugin[HttpLoggerConfig]):
    """One queue per place; entries that do not arrive count in ``tollhouse_log_entries_dropped_total``."""

    name = "http-logger"
    stage = Stage.RECORD
    priority = 410
    Config = HttpLoggerConfig
    Metadata = HttpLoggerMetadata

    def __init__(
        self, config: HttpLoggerConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        told = metadata if isinstance(metadata, HttpLoggerMetadata) else HttpLoggerMetadata()
        self._write = EntryWriter(config, metadata, services.hostname)
        dropped = services.metrics.counter(
            "tollhouse_log_entries_dropped_total", "Log entries that were not delivered.", ("plugin", "place")
        )
        self._sender = BatchSender(
            config, told.max_pending_entries, services, self._send, dropped(self.name, str(place))
        )
        self._origin, self._target = _address(config)

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """The address must be one, the expressions must compile."""
        assert isinstance(config, HttpLoggerConfig)
        problems = check_expressions(config)
        try:
            _address(config)
        except ValueError as error:
            problems.append(str(error))
        return problems

    def reply(self, ex: Exchange, reply: Reply) -> None:
        """Keep the body on its way out, when the config asks for it."""
        self._write.keep_reply(ex, reply)

    def record(self, ex: Exchange) -> None:
        """Queue the entry of a finished exchange."""
        self._sender.push(self._write(ex, self.services.clock.monotonic()))

    async def close(self) -> None:
        """Send what still waits."""
        await self._sender.close()

    async def _send(self, entries: Sequence[bytes]) -> None:
        config = self.config
        headers = [("content-type", "application/json")]
        if config.auth_header:
            try:
                headers.append(("authorization", self.services.secrets.reveal_header(config.auth_header)))
            except GatewayError as error:
                raise SendFailed(error.message) from None
        patience = Timeouts(config.timeout, config.timeout, config.timeout, config.timeout)
        request = UpstreamRequest("POST", self._origin, self._target, headers, self._body(entries), patience)
        try:
            response = await self.services.transport.send(request)
        except TransportError as error:
            raise SendFailed(f"{self._place}: {error.message}") from None
        status = response.status
        with contextlib.suppress(TransportError):  # the status says it all; reading lets the connection be kept
            await response.read(_ANSWER_LIMIT)
        response.close()
        if status >= 400:
            raise SendFailed(f"{self._place} answered {status}")

    @property
    def _place(self) -> str:
        return f"{self._origin.scheme}://{self._origin.host}:{self._origin.port}"

    def _body(self, entries: Sequence[bytes]) -> bytes:
        if self.config.batch_max_size == 1:
            return entries[0]
        if self.config.concat_method == "new_line":
            return b"\n".join(entries)
        return b"[" + b",".join(entries) + b"]"


def _address(config: HttpLoggerConfig) -> tuple[Origin, str]:
    parts = urlsplit(config.uri)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError("uri: expected an address like http://host:port/path")
    if parts.username or parts.password:
        raise ValueError("uri: holds a user or password; put it into auth_header")
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    origin = Origin(scheme, parts.hostname, port or (443 if scheme == "https" else 80), verify=config.ssl_verify)
    return origin, f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
