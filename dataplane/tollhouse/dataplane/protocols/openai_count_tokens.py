"""OpenAI's token counting (``/v1/responses/input_tokens``): answered by estimate, whoever serves the model."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.prompt_size import input_tokens
from tollhouse.dataplane.protocols.openai_responses import OpenAIResponses


class OpenAICountTokens(OpenAIResponses):
    """Responses as far as requests and errors go; the answer is a number."""

    name = "openai_count_tokens"
    operation: ClassVar[str] = "count_tokens"

    def claims(self, path: str, document: RequestDocument | None) -> bool:
        """By path alone."""
        return path.endswith("/v1/responses/input_tokens")

    def own_answer(self, document: RequestDocument) -> bytes | None:
        """The estimate. The request is read first, so that mistakes in it are told as a provider would."""
        self.decode_request(document)
        counted = input_tokens(document.as_dict())
        return msgspec.json.encode({"object": "response.input_tokens", "input_tokens": counted})
