"""Put log entries into an S3-compatible store, one object per batch."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import Field
from tollhouse.dataplane.engine.sigv4 import AwsKey, sign
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig, Secret
from tollhouse.dataplane.records.log_batches import BatchConfig, BatchSender, SendFailed
from tollhouse.dataplane.records.log_config import EntryWriter, LoggerConfig, LoggerMetadata, check_expressions
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage
from tollhouse.dataplane.transport import Origin, Timeouts, TransportError, UpstreamRequest

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.reply import Reply

_ANSWER_LIMIT = 64 * 1024
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")


class S3LoggerConfig(LoggerConfig, BatchConfig):
    """Where entries go. Each batch is one object of JSON lines; it is put again until the store has it, or
    ``max_retry_count`` is used up: a batch that is put twice has the same name, so it is there once."""

    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,62}$")
    """The bucket."""
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]+$")
    """The region requests are signed for."""
    endpoint: str = ""
    """The address of a store that is not AWS, as ``https://minio.example.com:9000``; the bucket becomes its path."""
    prefix: str = Field(default="tollhouse", pattern=r"^[A-Za-z0-9_.\-/]*$", max_length=256)
    """What names of objects begin with; year, month, day and hour follow."""
    access_key_id: Secret
    """The key's id; a reference such as ``$env://AWS_ACCESS_KEY_ID`` keeps it out of the config."""
    secret_access_key: Secret
    """The key."""
    session_token: Secret = ""
    """The token that goes with a temporary key."""
    compress: Literal["gzip", "none"] = "gzip"
    """How objects are packed."""
    name: str = "s3 logger"
    """What the gateway's own log and metrics call it."""
    timeout: int = Field(default=10, ge=1)
    """Seconds for connecting, and for the answer."""
    ssl_verify: bool = True
    """Check the server's certificate."""
    batch_max_size: int = Field(default=1000, ge=1)
    """Entries of one object at the most."""
    inactive_timeout: int = Field(default=30, ge=1)
    """Seconds without a new entry after which the waiting ones are put."""
    max_retry_count: int = Field(default=10, ge=0)
    """How often a failed put is tried again."""
    retry_delay: int = Field(default=2, ge=0)
    """Seconds between two tries."""


class S3LoggerMetadata(LoggerMetadata):
    """What holds for all places."""

    max_pending_entries: int = Field(default=50_000, ge=1)
    """While so many entries wait, further ones are dropped (and counted)."""


class S3Logger(Plugin[S3LoggerConfig]):
    """One queue per place and worker; entries that do not arrive count in ``tollhouse_log_entries_dropped_total``."""

    name = "s3-logger"
    stage = Stage.RECORD
    priority = 402
    Config = S3LoggerConfig
    Metadata = S3LoggerMetadata

    def __init__(
        self, config: S3LoggerConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        told = metadata if isinstance(metadata, S3LoggerMetadata) else S3LoggerMetadata()
        self._write = EntryWriter(config, metadata, services.hostname)
        dropped = services.metrics.counter(
            "tollhouse_log_entries_dropped_total", "Log entries that were not delivered.", ("plugin", "place")
        )
        cell = dropped(self.name, str(place))
        self._sender = BatchSender(config, told.max_pending_entries, services, self._send, cell)
        self._origin, self._folder = _store(config)
        self._maker = "-".join(_PLAIN.findall(services.node_id or "node")) + f"-{os.getpid()}"

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """The address must be one, the expressions must compile."""
        assert isinstance(config, S3LoggerConfig)
        problems = check_expressions(config)
        try:
            _store(config)
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
        """Put what still waits."""
        await self._sender.close()

    async def _send(self, entries: Sequence[bytes]) -> None:
        target, body = await asyncio.to_thread(self._packed, entries)  # megabytes are no matter for the event loop
        patience = Timeouts(*[self.config.timeout] * 4)
        request = UpstreamRequest("PUT", self._origin, target, self._signed(target, body), body, patience)
        try:
            response = await self.services.transport.send(request)
        except TransportError as error:
            raise SendFailed(f"{self._origin.host}: {error.message}") from None
        status = response.status
        with contextlib.suppress(TransportError):  # the status says it all; reading lets the connection be kept
            await response.read(_ANSWER_LIMIT)
        response.close()
        if status >= 300:
            raise SendFailed(f"bucket {self.config.bucket} at {self._origin.host} answered {status}")

    def _packed(self, entries: Sequence[bytes]) -> tuple[str, bytes]:
        lines = b"\n".join(entries) + b"\n"
        digest = hashlib.sha256(lines).hexdigest()[:24]
        if self.config.compress == "none":
            return self._target(digest, "jsonl"), lines
        return self._target(digest, "jsonl.gz"), gzip.compress(lines, 6, mtime=0)

    def _target(self, digest: str, ending: str) -> str:
        """The content is in the name, so what is put again after an answer was lost does not stand there twice (save
        over the turn of an hour)."""
        hour = datetime.fromtimestamp(self.services.clock.time(), UTC).strftime("%Y/%m/%d/%H")
        prefix = self.config.prefix.strip("/")
        return f"{self._folder}/{prefix + '/' if prefix else ''}{hour}/{self._maker}-{digest}.{ending}"

    def _signed(self, target: str, body: bytes) -> list[tuple[str, str]]:
        config, reveal = self.config, self.services.secrets.reveal
        try:
            token = reveal(config.session_token) if config.session_token else ""
            key_id, secret = reveal(config.access_key_id), reveal(config.secret_access_key)
        except GatewayError as error:
            raise SendFailed(error.message) from None
        origin = self._origin
        host = (
            origin.host if origin.port == (443 if origin.scheme == "https" else 80) else f"{origin.host}:{origin.port}"
        )
        sent = {"content-type": "application/x-ndjson", "x-amz-content-sha256": hashlib.sha256(body).hexdigest()}
        if config.compress == "gzip":
            sent["content-type"] = "application/gzip"
        key = AwsKey(key_id, secret, config.region, "s3", token)
        return [*sent.items(), *sign(key, "PUT", target, {"host": host, **sent}, body, self.services.clock.time())]


def _store(config: S3LoggerConfig) -> tuple[Origin, str]:
    """Where the bucket is, and its path there. Raises ValueError."""
    if not config.endpoint:
        return Origin("https", f"{config.bucket}.s3.{config.region}.amazonaws.com", 443, verify=config.ssl_verify), ""
    parts = urlsplit(config.endpoint)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or parts.path.strip("/") or parts.query:
        raise ValueError("endpoint: expected an address like https://host:port, without a path")
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    origin = Origin(scheme, parts.hostname, port or (443 if scheme == "https" else 80), verify=config.ssl_verify)
    return origin, f"/{config.bucket}"
