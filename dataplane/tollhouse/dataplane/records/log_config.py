"""What the logger plugins have in common: which exchanges, which fields, how much of the body."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from pydantic import Field
from tollhouse.dataplane.engine.expression import compile_expression
from tollhouse.dataplane.plugin import PluginConfig
from tollhouse.dataplane.records.log_entry import encode_entry, full_entry
from tollhouse.dataplane.records.log_format import LogFormat
from tollhouse.dataplane.variables import BodyNeeded, value

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.reply import Reply


class LoggerConfig(PluginConfig):
    """The fields every logger takes (APISIX's names)."""

    log_format: dict[str, Any] | None = None
    """The fields of an entry instead of the default ones: ``$name`` is a variable, objects may be nested."""
    log_format_extra: dict[str, Any] | None = None
    """Fields to add to the default ones."""
    include_req_body: bool = False
    """Log the request's body. Bodies streamed through unread (ordinary routes) cannot be logged."""
    include_req_body_expr: list[Any] | None = Field(default=None, min_length=1)
    """Log the body only of requests for which this expression holds."""
    max_req_body_bytes: int = Field(default=524_288, ge=1)
    """The most of a body that is logged."""
    include_resp_body: bool = False
    """Log the reply's body, streams as they went out. Compressed ones are not shown."""
    include_resp_body_expr: list[Any] | None = Field(default=None, min_length=1)
    """Log the reply's body only of requests for which this expression holds."""
    max_resp_body_bytes: int = Field(default=524_288, ge=1)
    """The most of a reply's body that is logged, and kept in memory until it is."""


class LoggerMetadata(PluginConfig):
    """What holds for a logger in all places."""

    log_format: dict[str, Any] | None = None
    """The fields of an entry, where a place does not say its own."""
    log_format_extra: dict[str, Any] | None = None
    """Fields to add to the default ones, where a place does not say its own."""


def check_expressions(config: LoggerConfig, *names: str) -> list[str]:
    """What is wrong with a config's expressions."""
    found = []
    for name in ("include_req_body_expr", "include_resp_body_expr", *names):
        rule = getattr(config, name)
        try:
            compile_expression(rule or [])
        except ValueError as error:
            found.append(f"{name}: {error}")
    return found


def compile_condition(rule: list[Any] | None) -> Callable[[Exchange], bool]:
    """The function that says whether an expression holds for an exchange; no expression always holds."""
    if not rule:
        return lambda ex: True
    predicate = compile_expression(rule)

    def holds(ex: Exchange) -> bool:
        try:
            return bool(predicate(lambda name: value(ex, name)))
        except BodyNeeded:
            return False

    return holds


class EntryWriter:
    """Turns a finished exchange into the line a logger's config asks for. Immutable; shared."""

    def __init__(self, config: LoggerConfig, metadata: PluginConfig | None, hostname: str) -> None:
        told = metadata if isinstance(metadata, LoggerMetadata) else LoggerMetadata()
        fields = config.log_format or told.log_format
        extra = config.log_format_extra or told.log_format_extra
        self._format = LogFormat(fields) if fields else None
        self._extra = LogFormat(extra) if extra else None
        self._body_limit = config.max_req_body_bytes if config.include_req_body else 0
        self._body_wanted = compile_condition(config.include_req_body_expr)
        # A configured format has no place for bodies.
        self._reply_limit = config.max_resp_body_bytes if config.include_resp_body and not fields else 0
        self._reply_wanted = compile_condition(config.include_resp_body_expr)
        self._key = f"logged reply {id(self)}"
        self._hostname = hostname

    def keep_reply(self, ex: Exchange, reply: Reply) -> None:
        """Call when the reply's head is known: keeps what passes of a stream, when the config asks for bodies."""
        if self._reply_limit and reply.stream is not None:
            kept = ex.state[self._key] = bytearray()
            reply.stream = _keep(reply.stream, kept, self._reply_limit)

    def __call__(self, ex: Exchange, now_s: float) -> bytes:
        """One JSON object."""
        if self._format is not None:
            return encode_entry(self._format.entry(ex))
        limit = self._body_limit if self._body_limit and self._body_wanted(ex) else 0
        entry = full_entry(ex, now_s, self._hostname, body_limit=limit)
        if self._reply_limit and self._reply_wanted(ex) and ex.reply is not None:
            entry["response"]["body"] = self._reply_body(ex, ex.reply)
        if self._extra is not None:
            entry.update(self._extra(ex))
        return encode_entry(entry)

    def _reply_body(self, ex: Exchange, reply: Reply) -> str:
        encoding = reply.header("content-encoding")
        if encoding not in (None, "identity"):
            return f"(compressed with {encoding})"
        body = ex.state.get(self._key) if reply.stream is not None else reply.body
        return bytes(body or b"")[: self._reply_limit].decode("utf-8", "replace")


async def _keep(stream: AsyncIterator[bytes], kept: bytearray, limit: int) -> AsyncIterator[bytes]:
    """The stream itself, its beginning kept; closing it closes the inner one."""
    try:
        async for piece in stream:
            if len(kept) < limit:
                kept += piece[: limit - len(kept)]
            yield piece
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
