"""OpenAI's legacy completions: a prompt goes on as text. Passed to providers that have them; elsewhere the prompt is
what a user says, and the answer its text."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from tollhouse.dataplane.chat import (
    ChatReply,
    ChatRequest,
    Choice,
    Ended,
    Event,
    Failed,
    Finished,
    Message,
    ReplyStarted,
    Text,
    TextDelta,
    Usage,
    UsageReported,
)
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.sse import write_event
from tollhouse.dataplane.protocol import Encoded, Peek, ReplyContext, StreamDecoder, StreamEncoder, UsageReader
from tollhouse.dataplane.protocols._failures import invalid_reply
from tollhouse.dataplane.protocols._fields import count, get_integer, missing, unsupported, words
from tollhouse.dataplane.protocols.openai_chat import OpenAIChat
from tollhouse.dataplane.protocols.openai_chat.read_request import FORMAT as CHAT
from tollhouse.dataplane.protocols.openai_chat.read_request import read_request
from tollhouse.dataplane.protocols.openai_chat.reply import read_finish, write_finish
from tollhouse.dataplane.protocols.openai_chat.stream import ChatStreamDecoder, ChatStreamEncoder
from tollhouse.dataplane.protocols.openai_chat.usage import ChatWatcher, read_usage, write_usage

FORMAT = "openai_completions"


class OpenAICompletions(OpenAIChat):
    """Legacy completions; errors and most fields are those of chat completions."""

    name = FORMAT
    operation: ClassVar[str] = "text_completion"

    def claims(self, path: str, document: RequestDocument | None) -> bool:
        """By path alone."""
        return path.endswith("/completions") and not path.endswith("/chat/completions")

    def peek(self, document: RequestDocument) -> Peek:
        """As chat completions, but each of several prompts is answered, and ``best_of`` answers are made of each."""
        peek = super().peek(document)
        made = get_integer(document.some(("best_of",)), "best_of", low=1, high=128) or 1
        prompt = document.get("prompt") if document.raw_field("prompt").startswith(b"[") else None
        prompts = len(prompt) if isinstance(prompt, list) and not all(type(one) is int for one in prompt) else 1
        peek.choices = max(peek.choices, made) * prompts
        return peek

    def decode_request(self, document: RequestDocument) -> ChatRequest:
        """The prompt as a user's message. Several prompts, token numbers and a suffix reach only providers of this
        format."""
        body = document.as_dict()
        prompt = body.pop("prompt", None)
        if prompt is None:
            raise missing("prompt", "a string")
        if isinstance(prompt, list) and len(prompt) == 1:
            prompt = prompt[0]
        if not isinstance(prompt, str):
            raise unsupported(
                "prompt", "several prompts, or token numbers, reach only providers of legacy completions."
            )
        for name in ("suffix", "echo"):
            if body.get(name):
                raise unsupported(name, "it reaches only providers of legacy completions; leave it out.")
        logprobs = body.pop("logprobs", None)
        chat = read_request({**body, "messages": [{"role": "user", "content": prompt}]})
        chat.extra = {FORMAT: {**chat.extra[CHAT], **({"logprobs": logprobs} if logprobs else {})}}
        chat.messages = [Message("user", [Text(prompt)])]
        return chat

    def encode_request(self, chat: ChatRequest, *, max_output_tokens: int | None) -> Encoded:
        """Always refused: a chat is no bare prompt."""
        raise unsupported("model", "the model only completes text and cannot answer a chat; name another.")

    def decode_reply(self, body: bytes) -> ChatReply:
        """As the port says."""
        try:
            document: Any = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise invalid_reply(f"not JSON ({error})") from None
        if not isinstance(document, dict) or not isinstance(document.get("choices"), list):
            raise invalid_reply("a completion has an array 'choices'")
        choices = [
            Choice([Text(words(item.get("text")))], read_finish(item.get("finish_reason")), None, item.get("logprobs"))
            for item in document["choices"]
            if isinstance(item, dict)
        ]
        usage = read_usage(document.get("usage")) or Usage()
        created = count(document.get("created"))
        return ChatReply(words(document.get("id")), words(document.get("model")), choices, usage, created)

    def encode_reply(self, reply: ChatReply, context: ReplyContext) -> bytes:
        """As the port says."""
        choices = [
            {
                "index": index,
                "text": "".join(part.text for part in choice.parts if isinstance(part, Text)),
                "logprobs": choice.logprobs if context.provider_format == FORMAT else None,
                "finish_reason": write_finish(choice.finish_reason),
            }
            for index, choice in enumerate(reply.choices)
        ]
        head = _head(reply.id, reply.created, reply.model, context)
        return msgspec.json.encode({**head, "choices": choices, "usage": write_usage(reply.usage)})

    def stream_decoder(self) -> StreamDecoder:
        """As the port says."""
        return _Decoder()

    def stream_encoder(self, context: ReplyContext) -> StreamEncoder:
        """As the port says."""
        return _Encoder(context)

    def usage_reader(self, *, hide_usage: bool) -> UsageReader:
        """As the port says."""
        return _Watcher(hide_usage=hide_usage)


def _head(id: str, created: int, model: str, context: ReplyContext) -> dict[str, Any]:
    return {
        "id": id or f"cmpl-{context.request_id}",
        "object": "text_completion",
        "created": created or context.created,
        "model": context.model or model,
    }


class _Decoder(ChatStreamDecoder):
    """A choice's ``text`` is what ``delta.content`` is in chat completions."""

    def _choice(self, choice: dict[str, Any], events: list[Event]) -> None:
        text = words(choice.get("text"))
        super()._choice({**choice, "delta": {"content": text}} if text else choice, events)


class _Watcher(ChatWatcher):
    """Watches a stream of completions."""

    def _look_at(self, choice: dict[str, Any]) -> None:
        super()._look_at(choice)
        if choice.get("text"):
            self.has_content = True


class _Encoder(ChatStreamEncoder):
    """Text only: what else a chat model says has no place here."""

    def __init__(self, context: ReplyContext) -> None:
        super().__init__(context)
        self._start_head: dict[str, Any] = _head("", 0, "", context)
        self._spent = Usage()

    def encode(self, event: Event) -> bytes:
        """As the port says."""
        match event:
            case ReplyStarted():
                self._start_head = _head(event.id, event.created, event.model, self._context)
            case TextDelta(choice, _, text):
                return self._piece(choice, text, None)
            case Finished(choice, reason):
                return self._piece(choice, "", write_finish(reason))
            case UsageReported(usage):
                self._spent = usage
            case Ended():
                told = b""
                if self._context.stream_usage:
                    last = {**self._start_head, "choices": [], "usage": write_usage(self._spent)}
                    told = write_event(msgspec.json.encode(last))
                return told + write_event(b"[DONE]")
            case Failed():
                return super().encode(event)
            case _:
                pass  # thinking, calls and their frames
        return b""

    def _piece(self, choice: int, text: str, finish: str | None) -> bytes:
        entry = {"index": choice, "text": text, "logprobs": None, "finish_reason": finish}
        return write_event(msgspec.json.encode({**self._start_head, "choices": [entry]}))
