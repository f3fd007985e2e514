"""Google's token counting (``:countTokens``): answered by estimate, whatever provider serves the model."""

from __future__ import annotations

import re
from typing import Any, ClassVar
from urllib.parse import unquote

import msgspec
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.prompt_size import input_tokens
from tollhouse.dataplane.protocols._fields import as_object
from tollhouse.dataplane.protocols.gemini_generate import GeminiGenerate

_PATH = re.compile(r"/models/(?P<model>[^:]+):countTokens$")


class GeminiCountTokens(GeminiGenerate):
    """generateContent as far as errors go; the answer is a number."""

    name = "gemini_count_tokens"
    operation: ClassVar[str] = "count_tokens"

    def claims(self, path: str, document: RequestDocument | None) -> bool:
        """By path alone."""
        return _PATH.search(path) is not None

    def enter(self, path: str, query: str, document: RequestDocument) -> None:
        """As the port says. A request may be given whole (``generateContentRequest``): its fields are the request."""
        whole: Any = document.get("generateContentRequest")
        if whole is not None:
            for name, value in as_object(whole, "generateContentRequest").items():
                document.set(name, value)
            document.remove("generateContentRequest")
        found = _PATH.search(path)
        if found is not None:
            document.set("model", unquote(found["model"]))

    def own_answer(self, document: RequestDocument) -> bytes | None:
        """The estimate. The request is read first, so that mistakes in it are told as a provider would."""
        self.decode_request(document)
        body = document.as_dict()
        counted = {
            "messages": body.get("contents"),
            "system": body.get("systemInstruction"),
            "tools": body.get("tools"),
        }
        return msgspec.json.encode({"totalTokens": input_tokens(counted)})
