"""OpenAI's embeddings. They pass to providers that speak them and are translated to no other format."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import msgspec
from tollhouse.dataplane.chat import ChatReply, ChatRequest, Usage
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.protocol import Encoded, Peek, ReplyContext
from tollhouse.dataplane.protocols._failures import invalid_reply
from tollhouse.dataplane.protocols._fields import get_text, missing, unsupported, words, wrong
from tollhouse.dataplane.protocols._format import Codec
from tollhouse.dataplane.protocols._tail import tail_reader
from tollhouse.dataplane.protocols.openai_chat import OpenAIChat
from tollhouse.dataplane.protocols.openai_chat.usage import read_usage


class OpenAIEmbeddings(OpenAIChat):
    """Embeddings; errors are those of chat completions, and nothing streams."""

    name = "openai_embeddings"
    operation: ClassVar[str] = "embeddings"
    untranslated: ClassVar[bool] = True
    codec: ClassVar[Codec] = replace(OpenAIChat.codec, read_tail=tail_reader(read_usage, "data"))

    def claims(self, path: str, document: RequestDocument | None) -> bool:
        """By path alone."""
        return path.endswith("/embeddings")

    def peek(self, document: RequestDocument) -> Peek:
        """A missing ``model`` reads as empty: the route may name one."""
        if "input" not in document:
            raise missing("input", "a string, an array of strings, or token numbers")
        value = document.get("input")
        if not isinstance(value, str | list) or not value:
            raise wrong("input", value, "a string, an array of strings, or token numbers")
        few = {name: document.get(name) for name in ("model", "user") if name in document}
        return Peek(model=get_text(few, "model", ""), user=get_text(few, "user", ""))

    def decode_request(self, document: RequestDocument) -> ChatRequest:
        """Always refused: embeddings are no chat."""
        raise unsupported("input", "embeddings reach only providers that speak openai_embeddings; name such a model.")

    def encode_request(self, chat: ChatRequest, *, max_output_tokens: int | None) -> Encoded:
        """Always refused: a chat is no embedding."""
        raise unsupported("model", "the model makes embeddings and cannot answer a chat; name another.")

    def passthrough_edits(self, document: RequestDocument, dropped: list[str]) -> bool:
        """None: there is no stream to ask usage for."""
        return False

    def decode_reply(self, body: bytes) -> ChatReply:
        """The reply as it is, without choices: enough to count it and give it on."""
        try:
            document: Any = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise invalid_reply(f"not JSON ({error})") from None
        if not isinstance(document, dict) or not isinstance(document.get("data"), list):
            raise invalid_reply("embeddings have an array 'data'")
        usage = read_usage(document.get("usage")) or Usage()
        return ChatReply("", words(document.get("model")), [], usage, extra={self.name: document})

    def encode_reply(self, reply: ChatReply, context: ReplyContext) -> bytes:
        """The document as it came, under the name asked for."""
        return msgspec.json.encode({**reply.extra.get(self.name, {}), "model": context.model or reply.model})
