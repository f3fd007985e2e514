"""The wire format as the gateway sees it: which requests are in it, and its readers and writers."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.sse import write_event
from tollhouse.dataplane.protocol import Peek
from tollhouse.dataplane.protocols._fields import as_list, as_object, get_flag, get_integer, get_text
from tollhouse.dataplane.protocols._format import Codec, Format
from tollhouse.dataplane.protocols._models import ListedModel, anthropic_model, anthropic_models
from tollhouse.dataplane.protocols._signatures import PREFIX
from tollhouse.dataplane.protocols.anthropic_messages.errors import error_status, retry_headers, write_error
from tollhouse.dataplane.protocols.anthropic_messages.read_request import FORMAT, read_request
from tollhouse.dataplane.protocols.anthropic_messages.reply import read_reply, write_reply
from tollhouse.dataplane.protocols.anthropic_messages.stream import MessagesDecoder
from tollhouse.dataplane.protocols.anthropic_messages.stream_out import MessagesEncoder
from tollhouse.dataplane.protocols.anthropic_messages.usage import MessagesWatcher, read_tail
from tollhouse.dataplane.protocols.anthropic_messages.write_request import write_request

_PACKED = PREFIX.encode()
_STRUCTURED = frozenset({"structured_output"})
_TOOLS = frozenset({"tools"})


class AnthropicMessages(Format):
    """Anthropic messages, as Anthropic's SDKs and Claude Code speak it."""

    name = FORMAT
    request_id_header = "request-id"
    keepalive = write_event(b'{"type": "ping"}', "ping")
    codec: ClassVar[Codec] = Codec(
        read_request,
        write_request,
        read_reply,
        write_reply,
        read_tail,
        MessagesDecoder,
        MessagesEncoder,
        lambda _: MessagesWatcher(),
        write_error,
        error_headers=retry_headers,
        error_status=error_status,
    )

    def claims(self, path: str, document: RequestDocument | None) -> bool:
        """By path alone; whatever stands before ``/v1`` does not matter."""
        return path.endswith("/v1/messages")

    def peek(self, document: RequestDocument) -> Peek:
        """A missing ``model`` reads as empty: the route may name one."""
        few = {name: document.get(name) for name in ("model", "stream", "max_tokens") if name in document}
        needs = _TOOLS if len(document.raw_field("tools")) > 4 else frozenset[str]()
        if b"json_schema" in document.raw_field("output_config") or "output_format" in document:
            needs |= _STRUCTURED
        user = ""
        if "metadata" in document:
            user = get_text(as_object(document.get("metadata") or {}, "metadata"), "user_id", "metadata")
        return Peek(
            model=get_text(few, "model", ""),
            stream=get_flag(few, "stream") or False,
            max_tokens=get_integer(few, "max_tokens", low=0),
            user=user,
            needs=needs,
        )

    def passthrough_edits(self, document: RequestDocument, dropped: list[str]) -> bool:
        """Takes out thinking without a signature of Anthropic's: it came from a provider of another format, through
        us, and Anthropic refuses it. Found by a byte search; what other requests say is not decoded."""
        raw = document.raw_field("messages")
        if b'"signature":""' in raw or b'"signature": ""' in raw or _PACKED in raw:
            messages = as_list(document.get("messages"), "messages")
            signed = [_signed_only(message) for message in messages]
            if any(map(operator.is_not, signed, messages)):
                document.set("messages", [message for message in signed if message is not None])
                dropped.append("thinking")
        return False


def _signed_only(message: Any) -> Any:
    """The message without thinking Anthropic cannot read, None when nothing else was in it."""
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        return message
    kept = [
        block
        for block in message["content"]
        if not (isinstance(block, dict) and block.get("type") == "thinking" and not _is_signed(block))
    ]
    if len(kept) == len(message["content"]):
        return message
    return {**message, "content": kept} if kept else None


def _is_signed(block: dict[str, Any]) -> bool:
    signature = block.get("signature")
    return isinstance(signature, str) and signature != "" and not signature.startswith(PREFIX)


def render_models(
    models: Sequence[ListedModel], *, limit: int | None = None, after_id: str = "", before_id: str = ""
) -> bytes:
    """The body of ``GET /v1/models`` for callers that send ``anthropic-version``."""
    return anthropic_models(models, limit=limit, after_id=after_id, before_id=before_id)


def render_model(model: ListedModel) -> bytes:
    """The body of ``GET /v1/models/{id}``."""
    shown: Any = anthropic_model(model)
    return msgspec.json.encode(shown)
