"""Send log entries to a syslog server (RFC 5424)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.records.log_batches import BatchConfig, BatchSender, SendFailed
from tollhouse.dataplane.records.log_config import EntryWriter, LoggerConfig, LoggerMetadata, check_expressions
from tollhouse.dataplane.records.log_entry import timestamp
from tollhouse.dataplane.services import Services, Wire, WireTarget
from tollhouse.dataplane.stages import Stage

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.reply import Reply

_PRIORITY = 5 * 8 + 6
"""Facility ``syslog``, severity ``informational`` (APISIX)."""


class SyslogConfig(LoggerConfig, BatchConfig):
    """Where entries go. With the default of no retries an entry arrives at most once."""

    host: str = Field(min_length=1)
    """Name or address of the server."""
    port: int = Field(ge=1, le=65535)
    """Its port."""
    name: str = "sys logger"
    """What the gateway's own log and metrics call it."""
    timeout: int = Field(default=3000, ge=1)
    """Milliseconds for connecting, and for handing over."""
    tls: bool = False
    """Speak TLS and check the server's certificate; only over TCP."""
    sock_type: Literal["tcp", "udp"] = "tcp"
    """Over UDP each entry is one datagram, and nobody knows whether it arrives."""
    flush_limit: int = Field(default=4096, ge=1)
    """Over TCP so many bytes are handed over at once, at the least, while there are more."""
    drop_limit: int = Field(default=1_048_576, ge=1)
    """Longer messages are dropped (and counted)."""
    pool_size: int = Field(default=5, ge=5)
    """Connections that are kept at most; a worker never needs more than one."""


class SyslogMetadata(LoggerMetadata):
    """What holds for all places."""

    max_pending_entries: int = Field(default=8192, ge=1)
    """While so many entries wait, further ones are dropped (and counted)."""


class Syslog(Plugin[SyslogConfig]):
    """One queue and one connection per place and worker."""

    name = "syslog"
    stage = Stage.RECORD
    priority = 401
    Config = SyslogConfig
    Metadata = SyslogMetadata

    def __init__(
        self, config: SyslogConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        told = metadata if isinstance(metadata, SyslogMetadata) else SyslogMetadata()
        self._write = EntryWriter(config, metadata, services.hostname)
        dropped = services.metrics.counter(
            "tollhouse_log_entries_dropped_total", "Log entries that were not delivered.", ("plugin", "place")
        )
        self._dropped = dropped(self.name, str(place))
        self._sender = BatchSender(config, told.max_pending_entries, services, self._send, self._dropped)
        kind: Literal["tcp", "udp", "tls"] = "tls" if config.tls else config.sock_type
        self._target = WireTarget(config.host, config.port, kind, config.timeout / 1000)
        self._wire: Wire | None = None
        self._head = f"{services.hostname or '-'} tollhouse {os.getpid()} - - ".encode()

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """The expressions must compile; there is no TLS over UDP here."""
        assert isinstance(config, SyslogConfig)
        problems = check_expressions(config)
        if config.tls and config.sock_type == "udp":
            problems.append("tls: works only over TCP; leave it out, or sock_type")
        return problems

    def reply(self, ex: Exchange, reply: Reply) -> None:
        """Keep the body on its way out, when the config asks for it."""
        self._write.keep_reply(ex, reply)

    def record(self, ex: Exchange) -> None:
        """Queue the message of a finished exchange."""
        entry = self._write(ex, self.services.clock.monotonic())
        message = f"<{_PRIORITY}>1 {timestamp(self.services.clock.time())} ".encode() + self._head + entry + b"\n"
        if len(message) > self.config.drop_limit:
            self._dropped.add(1)
            return
        self._sender.push(message)

    async def close(self) -> None:
        """Send what still waits."""
        await self._sender.close()
        self._hang_up()

    async def _send(self, messages: Sequence[bytes]) -> None:
        if self.services.dial is None:
            raise SendFailed("this process connects to nothing")
        try:
            if self._wire is None:
                self._wire = await self.services.dial(self._target)
            for data in self._portions(messages):
                await self._wire.send(data)
        except OSError as error:  # TimeoutError among them
            self._hang_up()
            reason = str(error) or type(error).__name__
            raise SendFailed(f"{self._target.host}:{self._target.port}: {reason}") from None

    def _portions(self, messages: Sequence[bytes]) -> Iterator[bytes]:
        if self._target.kind == "udp":
            yield from messages
            return
        waiting: list[bytes] = []
        size = 0
        for message in messages:
            waiting.append(message)
            size += len(message)
            if size >= self.config.flush_limit:
                yield b"".join(waiting)
                waiting, size = [], 0
        if waiting:
            yield b"".join(waiting)

    def _hang_up(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
