"""The wire format as the gateway sees it: which requests are in it, and its readers and writers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from tollhouse.dataplane.chat import ChatReply, ChatRequest, Usage
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.protocol import (
    Encoded,
    Peek,
    Protocol,
    ReplyContext,
    StreamDecoder,
    StreamEncoder,
    UsageReader,
)
from tollhouse.dataplane.protocols._fields import as_object, get_flag, get_integer, get_text
from tollhouse.dataplane.protocols._models import ListedModel, openai_model, openai_models
from tollhouse.dataplane.protocols.openai_chat.errors import retry_headers, write_error
from tollhouse.dataplane.protocols.openai_chat.read_request import FORMAT, read_request
from tollhouse.dataplane.protocols.openai_chat.reply import read_reply, write_reply
from tollhouse.dataplane.protocols.openai_chat.stream import ChatStreamDecoder, ChatStreamEncoder
from tollhouse.dataplane.protocols.openai_chat.usage import ChatWatcher, read_tail
from tollhouse.dataplane.protocols.openai_chat.write_request import RequestWriter

_PEEKED = ("model", "stream", "max_completion_tokens", "max_tokens", "n", "user")
_STRUCTURED = frozenset({"structured_output"})
_TOOLS = frozenset({"tools"})


class OpenAIChat(Protocol):
    """OpenAI chat completions, as OpenAI and the many servers compatible with it speak it."""

    name = FORMAT

    def claims(self, path: str, document: RequestDocument | None) -> bool:
        """By path, or by a ``messages`` array on a path that says nothing else (a route of the operator's own)."""
        if path.endswith("/chat/completions"):
            return True
        return document is not None and document.raw_field("messages").startswith(b"[")

    def peek(self, document: RequestDocument) -> Peek:
        """A missing ``model`` reads as empty: the route may name one."""
        few = document.some(_PEEKED)
        max_tokens = get_integer(few, "max_completion_tokens", low=1)
        if max_tokens is None:
            max_tokens = get_integer(few, "max_tokens", low=1)
        needs = _TOOLS if len(document.raw_field("tools")) > 4 else frozenset[str]()
        if b"json_schema" in document.raw_field("response_format"):
            needs |= _STRUCTURED
        return Peek(
            model=get_text(few, "model", ""),
            stream=get_flag(few, "stream") or False,
            max_tokens=max_tokens,
            choices=get_integer(few, "n", low=1, high=128) or 1,
            user=get_text(few, "user", ""),
            needs=needs,
        )

    def decode_request(self, document: RequestDocument) -> ChatRequest:
        """As the port says."""
        return read_request(document.as_dict())

    def encode_request(self, chat: ChatRequest, *, max_output_tokens: int | None) -> Encoded:
        """As the port says. A maximum above the model's own is lowered to it for clients of other formats."""
        return RequestWriter(chat, max_output_tokens).write()

    def passthrough_edits(self, document: RequestDocument) -> bool:
        """Streams always carry usage; it is hidden again from a client that did not ask."""
        if document.raw_field("stream") != b"true":
            return False
        options = as_object({} if (told := document.get("stream_options")) is None else told, "stream_options")
        if options.get("include_usage") is True:
            return False
        document.set("stream_options", {**options, "include_usage": True})
        return True

    def decode_reply(self, body: bytes) -> ChatReply:
        """As the port says."""
        return read_reply(body)

    def encode_reply(self, reply: ChatReply, context: ReplyContext) -> bytes:
        """As the port says."""
        return write_reply(reply, context)

    def read_usage(self, body: bytes) -> tuple[Usage | None, str]:
        """As the port says."""
        return read_tail(body)

    def stream_decoder(self) -> StreamDecoder:
        """As the port says."""
        return ChatStreamDecoder()

    def stream_encoder(self, context: ReplyContext) -> StreamEncoder:
        """As the port says."""
        return ChatStreamEncoder(context)

    def usage_reader(self, *, hide_usage: bool) -> UsageReader:
        """As the port says."""
        return ChatWatcher(hide_usage=hide_usage)

    def encode_error(self, error: GatewayError, request_id: str) -> bytes:
        """As the port says."""
        return write_error(error, request_id)

    def error_headers(self, error: GatewayError) -> dict[str, str]:
        """As the port says."""
        return retry_headers(error)


def render_models(models: Sequence[ListedModel]) -> bytes:
    """The body of ``GET /v1/models``."""
    return openai_models(models)


def render_model(model: ListedModel) -> bytes:
    """The body of ``GET /v1/models/{id}``."""
    shown: Any = openai_model(model)
    return msgspec.json.encode(shown)
