"""Append log entries to a file, one JSON object per line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.records.log_config import (
    EntryWriter,
    LoggerConfig,
    LoggerMetadata,
    check_expressions,
    compile_condition,
)
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.reply import Reply


class FileLoggerConfig(LoggerConfig):
    """Which file, and what goes into it."""

    path: str = Field(min_length=1, pattern=r"^[^\x00]*$")
    """The file, on the node; it is created when it is not there, and opened anew when it was rotated away. Relative
    paths start at the node's working folder."""
    match: list[Any] | None = Field(default=None, min_length=1)
    """Log only requests for which this expression holds."""


class FileLogger(Plugin[FileLoggerConfig]):
    """Writing is left to a background thread of the worker; lines it cannot keep up with are dropped and counted."""

    name = "file-logger"
    stage = Stage.RECORD
    priority = 399
    Config = FileLoggerConfig
    Metadata = LoggerMetadata

    def __init__(
        self, config: FileLoggerConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._write = EntryWriter(config, metadata, services.hostname)
        self._wanted = compile_condition(config.match)
        self._files = services.log_files

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """The expressions must compile."""
        assert isinstance(config, FileLoggerConfig)
        return check_expressions(config, "match")

    def reply(self, ex: Exchange, reply: Reply) -> None:
        """Keep the body on its way out, when the config asks for it."""
        self._write.keep_reply(ex, reply)

    def record(self, ex: Exchange) -> None:
        """Hand over the line of a finished exchange."""
        if self._files is not None and self._wanted(ex):
            self._files.append(self.config.path, self._write(ex, self.services.clock.monotonic()))
