"""The wire format as the gateway sees it: which requests are in it, and its readers and writers."""

from __future__ import annotations

from typing import Any, ClassVar

from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.sse import write_comment
from tollhouse.dataplane.protocol import Peek, StreamDecoder, StreamEditor
from tollhouse.dataplane.protocols._fields import get_flag, get_integer, get_text, unsupported
from tollhouse.dataplane.protocols._format import Codec, Format
from tollhouse.dataplane.protocols._signatures import PREFIX
from tollhouse.dataplane.protocols.openai_chat.errors import retry_headers, write_error
from tollhouse.dataplane.protocols.openai_responses.read_request import read_request
from tollhouse.dataplane.protocols.openai_responses.repeats import ResponsesEditor
from tollhouse.dataplane.protocols.openai_responses.reply import read_reply, write_reply
from tollhouse.dataplane.protocols.openai_responses.stream import ResponsesDecoder
from tollhouse.dataplane.protocols.openai_responses.stream_out import ResponsesEncoder
from tollhouse.dataplane.protocols.openai_responses.tools import FORMAT
from tollhouse.dataplane.protocols.openai_responses.usage import ResponsesWatcher, read_tail
from tollhouse.dataplane.protocols.openai_responses.write_request import write_request

_STRUCTURED = frozenset({"structured_output"})
_TOOLS = frozenset({"tools"})
_PACKED = PREFIX.encode()


class OpenAIResponses(Format):
    """OpenAI's responses, as its SDKs, its Agents SDK and Codex speak them."""

    name = FORMAT
    request_id_header = "x-request-id"
    keepalive = write_comment("keepalive")
    codec: ClassVar[Codec] = Codec(
        read_request,
        write_request,
        read_reply,
        write_reply,
        read_tail,
        ResponsesDecoder,
        ResponsesEncoder,
        lambda _: ResponsesWatcher(),
        write_error,
        error_headers=retry_headers,
    )
    limit_field: ClassVar[str] = "max_output_tokens"

    def claims(self, path: str, document: RequestDocument | None) -> bool:
        """By path alone."""
        return path.endswith("/responses")

    def peek(self, document: RequestDocument) -> Peek:
        """A missing ``model`` reads as empty: the route may name one."""
        names = ("model", "stream", "max_output_tokens", "user", "background")
        few: dict[str, Any] = {name: document.get(name) for name in names if name in document}
        if get_flag(few, "background"):
            raise unsupported("background", "answers are given at once or streamed, none is kept; leave it out.")
        needs = _TOOLS if b'"function"' in document.raw_field("tools") else frozenset[str]()
        if b"json_schema" in document.raw_field("text"):
            needs |= _STRUCTURED
        return Peek(
            model=get_text(few, "model", ""),
            stream=get_flag(few, "stream") or False,
            max_tokens=get_integer(few, "max_output_tokens", low=1),
            user=get_text(few, "user", ""),
            needs=needs,
        )

    def stream_editor(self, decoder: StreamDecoder) -> StreamEditor | None:
        """As the port says."""
        assert isinstance(decoder, ResponsesDecoder)
        return ResponsesEditor(decoder.places)

    def passthrough_edits(self, document: RequestDocument, dropped: list[str]) -> bool:
        """Takes out reasoning that came from a provider of another format, through us: OpenAI cannot read it. Found
        by a byte search; what other requests say is not decoded."""
        if _PACKED in document.raw_field("input"):
            items = document.get("input")
            if isinstance(items, list):
                kept = [item for item in items if not _is_packed(item)]
                document.set("input", kept)
                if len(kept) < len(items):
                    dropped.append("reasoning")
        return False


def _is_packed(item: Any) -> bool:
    if not isinstance(item, dict) or item.get("type") != "reasoning":
        return False
    sealed = item.get("encrypted_content")
    return isinstance(sealed, str) and sealed.startswith(PREFIX)
