"""Google's embeddings (``:embedContent``, ``:batchEmbedContents``). They pass to providers that speak them and are
translated to no other format."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import unquote

import msgspec
from tollhouse.dataplane.chat import ChatReply, ChatRequest, Usage
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.protocol import Encoded, Peek, ReplyContext
from tollhouse.dataplane.protocols._fields import as_list, get_text, missing, unsupported
from tollhouse.dataplane.protocols._format import Codec
from tollhouse.dataplane.protocols._tail import tail_reader
from tollhouse.dataplane.protocols.gemini_generate import GeminiGenerate
from tollhouse.dataplane.protocols.gemini_generate.usage import read_usage

_PATH = re.compile(r"/models/(?P<model>[^:/]+):(?P<method>embedContent|batchEmbedContents)$")

_read_tail = tail_reader(read_usage, "embedding", "embeddings", usage="usageMetadata", model="modelVersion")


class GeminiEmbeddings(GeminiGenerate):
    """Embeddings; errors are those of generateContent, and nothing streams. The model stands in the path, and in each
    request of a batch once more."""

    name = "gemini_embeddings"
    operation: ClassVar[str] = "embeddings"
    model_in_body: ClassVar[bool] = True
    untranslated: ClassVar[bool] = True
    limit_field: ClassVar[str] = ""
    codec: ClassVar[Codec] = replace(GeminiGenerate.codec, read_tail=_read_tail)

    def claims(self, path: str, document: RequestDocument | None) -> bool:
        """By path alone."""
        return _PATH.search(path) is not None

    def rest(self, path: str) -> str:
        """The method."""
        found = _PATH.search(path)
        return found["method"] if found is not None else ""

    def enter(self, path: str, query: str, document: RequestDocument) -> None:
        """As the port says."""
        found = _PATH.search(path)
        if found is None:
            return
        wanted = "requests" if found["method"].startswith("batch") else "content"
        if wanted not in document:
            raise missing(wanted, "an array of requests" if wanted == "requests" else "an object")
        document.set("model", unquote(found["model"]))

    def peek(self, document: RequestDocument) -> Peek:
        """The model."""
        return Peek(model=get_text({"model": document.get("model")}, "model", ""))

    def decode_request(self, document: RequestDocument) -> ChatRequest:
        """Always refused: embeddings are no chat."""
        raise unsupported("content", "embeddings reach only providers that speak gemini_embeddings; name such a model.")

    def encode_request(self, chat: ChatRequest, *, max_output_tokens: int | None) -> Encoded:
        """Always refused: a chat is no embedding."""
        raise unsupported("model", "the model makes embeddings and cannot answer a chat; name another.")

    def passthrough_edits(self, document: RequestDocument, dropped: list[str]) -> bool:
        """Takes out the model, which goes back into the path, and puts it into the requests of a batch."""
        model = document.get("model")
        document.remove("model")
        if "requests" in document:
            requests = as_list(document.get("requests"), "requests")
            named = [{**one, "model": f"models/{model}"} if isinstance(one, dict) else one for one in requests]
            document.set("requests", named)
        return False

    def decode_reply(self, body: bytes) -> ChatReply:
        """The reply as it is, without choices: enough to count it and give it on."""
        usage, model = _read_tail(body)
        document: dict[str, Any] = msgspec.json.decode(body)
        return ChatReply("", model, [], usage or Usage(), extra={self.name: document})

    def encode_reply(self, reply: ChatReply, context: ReplyContext) -> bytes:
        """The document as it came."""
        return msgspec.json.encode(reply.extra.get(self.name, {}))
