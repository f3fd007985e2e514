"""A format put together from its readers and writers, each in a file of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from tollhouse.dataplane.chat import ChatReply, ChatRequest, Usage
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.protocol import (
    Encoded,
    Protocol,
    ReplyContext,
    StreamDecoder,
    StreamEncoder,
    UsageReader,
)
from tollhouse.dataplane.protocols._bound import require_movable


def _no_headers(error: GatewayError) -> dict[str, str]:
    return {}


def _own_status(error: GatewayError) -> int:
    return error.status


@dataclass(frozen=True, slots=True)
class Codec:
    """What a format is made of. Each does what the method of the port does that is told by it."""

    read_request: Callable[[dict[str, Any]], ChatRequest]
    write_request: Callable[[ChatRequest, int | None], Encoded]
    read_reply: Callable[[bytes], ChatReply]
    write_reply: Callable[[ChatReply, ReplyContext], bytes]
    read_tail: Callable[[bytes], tuple[Usage | None, str]]
    decoder: Callable[[], StreamDecoder]
    encoder: Callable[[ReplyContext], StreamEncoder]
    watcher: Callable[[bool], UsageReader]
    write_error: Callable[[GatewayError, str], bytes]
    error_headers: Callable[[GatewayError], dict[str, str]] = _no_headers
    error_status: Callable[[GatewayError], int] = _own_status


class Format(Protocol):
    """A format served and spoken. What is left to say: which requests are in it, and what is seen at a glance."""

    codec: ClassVar[Codec]

    def decode_request(self, document: RequestDocument) -> ChatRequest:
        """As the port says."""
        return self.codec.read_request(document.as_dict())

    def encode_request(self, chat: ChatRequest, *, max_output_tokens: int | None) -> Encoded:
        """As the port says."""
        require_movable(chat, self.name)
        return self.codec.write_request(chat, max_output_tokens)

    def decode_reply(self, body: bytes) -> ChatReply:
        """As the port says."""
        return self.codec.read_reply(body)

    def encode_reply(self, reply: ChatReply, context: ReplyContext) -> bytes:
        """As the port says."""
        return self.codec.write_reply(reply, context)

    def read_usage(self, body: bytes) -> tuple[Usage | None, str]:
        """As the port says."""
        return self.codec.read_tail(body)

    def stream_decoder(self) -> StreamDecoder:
        """As the port says."""
        return self.codec.decoder()

    def stream_encoder(self, context: ReplyContext) -> StreamEncoder:
        """As the port says."""
        return self.codec.encoder(context)

    def usage_reader(self, *, hide_usage: bool) -> UsageReader:
        """As the port says."""
        return self.codec.watcher(hide_usage)

    def encode_error(self, error: GatewayError, request_id: str) -> bytes:
        """As the port says."""
        return self.codec.write_error(error, request_id)

    def error_status(self, error: GatewayError) -> int:
        """As the port says."""
        return self.codec.error_status(error)

    def error_headers(self, error: GatewayError) -> dict[str, str]:
        """As the port says."""
        return self.codec.error_headers(error)
