"""OpenAI's other interfaces (images, audio, moderations, files, batches, stored responses) and rerank: passed as they
are, multipart and binary included, to a provider that has them. Callers are identified and limited, usage is counted
where it is told."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from tollhouse.dataplane.chat import ChatRequest, Special, Usage
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.protocol import Encoded, Peek, Stored, UsageReader
from tollhouse.dataplane.protocols._bodies import read_body
from tollhouse.dataplane.protocols._fields import count, unsupported, words
from tollhouse.dataplane.protocols._usage_scan import UsageScan
from tollhouse.dataplane.protocols.openai_chat import OpenAIChat
from tollhouse.dataplane.protocols.openai_chat.usage import read_usage as chat_usage
from tollhouse.dataplane.protocols.openai_responses.usage import read_usage as responses_usage

_PATH = re.compile(
    r"/(?P<rest>v1/images/(?:generations|edits|variations)|v1/audio/(?:speech|transcriptions|translations)"
    r"|v1/moderations|v[12]/rerank|v1/responses/compact"
    r"|v1/(?P<kind>files|batches)(?P<id>/[\w-]+(?:/content|/cancel)?)?"
    r"|v1/(?P<response>responses)/[\w-]+(?:/cancel|/input_items)?)$"
)


_LONGEST_S = 1_000_000
"""More is a mistake."""


class OpenAIPassthrough(OpenAIChat):
    """Whatever goes by one of these paths; errors are those of chat completions."""

    name = "openai_passthrough"
    operation: ClassVar[str] = "passthrough"
    opaque: ClassVar[bool] = True
    untranslated: ClassVar[bool] = True
    limit_field: ClassVar[str] = ""

    def claims(self, path: str, document: RequestDocument | None) -> bool:
        """By path alone."""
        return _PATH.search(path) is not None

    def rest(self, path: str) -> str:
        """As the port says."""
        found = _PATH.search(path)
        return found["rest"] if found is not None else ""

    def stored(self, method: str, path: str) -> Stored:
        """Files, batches and responses."""
        found = _PATH.search(path)
        if found is None or not (found["kind"] or found["response"]):
            return ""
        if found["response"] or found["id"]:
            return "one"
        if method != "POST":
            return "list"
        return "batch" if found["kind"] == "batches" else "new"

    def read_document(self, body: bytes, headers: Mapping[str, str]) -> RequestDocument:
        """As the port says: of a form its text fields, of other bodies nothing."""
        return read_body(body, headers.get("content-type") or "")

    def peek(self, document: RequestDocument) -> Peek:
        """The model, where one is named."""
        return Peek(model=words(document.get("model")), user=words(document.get("user")))

    def decode_request(self, document: RequestDocument) -> ChatRequest:
        """Always refused: these are no chats."""
        raise unsupported("model", "this interface reaches only providers that have it; name a model of one.")

    def encode_request(self, chat: ChatRequest, *, max_output_tokens: int | None) -> Encoded:
        """Always refused: a chat goes to none of these."""
        raise unsupported("model", "the model does not chat; name another.")

    def passthrough_edits(self, document: RequestDocument, dropped: list[str]) -> bool:
        """None."""
        return False

    def read_usage(self, body: bytes) -> tuple[Usage | None, str]:
        """As the port says; every body is an answer, and none names a model to rely on."""
        reader = UsageScan(read_usage)
        reader.feed(body)
        reader.close()
        return (reader.usage if reader.reported else None), ""

    def usage_reader(self, *, hide_usage: bool) -> UsageReader:
        """As the port says; nothing is hidden."""
        return UsageScan(read_usage)


def read_usage(told: Any) -> Usage | None:
    """The neutral form of a ``usage`` object, told in either of OpenAI's ways or as a sum."""
    if not isinstance(told, dict):
        return None
    seconds = told.get("seconds")
    if told.get("type") == "duration" and isinstance(seconds, int | float) and 0 < seconds < _LONGEST_S:
        return Usage(special=Special(audio_ms=math.ceil(seconds * 1000)))
    usage = (responses_usage(told) if "input_tokens" in told else chat_usage(told)) or Usage()
    return usage if usage.total_tokens else Usage(input_tokens=count(told.get("total_tokens")))
