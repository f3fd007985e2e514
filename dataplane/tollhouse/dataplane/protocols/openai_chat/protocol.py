"""The wire format as the gateway sees it: which requests are in it, and its readers and writers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.sse import write_comment
from tollhouse.dataplane.protocol import Peek
from tollhouse.dataplane.protocols._fields import as_object, get_flag, get_integer, get_text
from tollhouse.dataplane.protocols._format import Codec, Format
from tollhouse.dataplane.protocols._models import ListedModel, openai_model, openai_models
from tollhouse.dataplane.protocols.openai_chat.errors import retry_headers, write_error
from tollhouse.dataplane.protocols.openai_chat.read_request import FORMAT, read_request
from tollhouse.dataplane.protocols.openai_chat.reply import read_reply, write_reply
from tollhouse.dataplane.protocols.openai_chat.stream import ChatStreamDecoder, ChatStreamEncoder
from tollhouse.dataplane.protocols.openai_chat.usage import ChatWatcher, read_tail
from tollhouse.dataplane.protocols.openai_chat.write_request import write_request

_PEEKED = ("model", "stream", "max_completion_tokens", "max_tokens", "n", "user")
_STRUCTURED = frozenset({"structured_output"})
_TOOLS = frozenset({"tools"})


class OpenAIChat(Format):
    """OpenAI chat completions, as OpenAI and the many servers compatible with it speak it."""

    name = FORMAT
    request_id_header = "x-request-id"
    keepalive = write_comment("keepalive")
    codec: ClassVar[Codec] = Codec(
        read_request,
        write_request,
        read_reply,
        write_reply,
        read_tail,
        ChatStreamDecoder,
        ChatStreamEncoder,
        lambda hide: ChatWatcher(hide_usage=hide),
        write_error,
        error_headers=retry_headers,
    )

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

    def passthrough_edits(self, document: RequestDocument, dropped: list[str]) -> bool:
        """Streams always carry usage; it is hidden again from a client that did not ask."""
        if document.raw_field("stream") != b"true":
            return False
        options = as_object({} if (told := document.get("stream_options")) is None else told, "stream_options")
        if options.get("include_usage") is True:
            return False
        document.set("stream_options", {**options, "include_usage": True})
        return True


def render_models(models: Sequence[ListedModel]) -> bytes:
    """The body of ``GET /v1/models``."""
    return openai_models(models)


def render_model(model: ListedModel) -> bytes:
    """The body of ``GET /v1/models/{id}``."""
    shown: Any = openai_model(model)
    return msgspec.json.encode(shown)
