"""Anthropic's token counting (``/v1/messages/count_tokens``): answered by estimate, whatever provider serves the model.

Claude Code asks some 25 at once to draw its ``/context``; none of them should cost a provider call.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.prompt_size import input_tokens
from tollhouse.dataplane.protocols.anthropic_messages import AnthropicMessages


class AnthropicCountTokens(AnthropicMessages):
    """Messages as far as requests and errors go; the answer is a number."""

    name = "anthropic_count_tokens"
    operation: ClassVar[str] = "count_tokens"

    def claims(self, path: str, document: RequestDocument | None) -> bool:
        """By path alone."""
        return path.endswith("/v1/messages/count_tokens")

    def own_answer(self, document: RequestDocument) -> bytes | None:
        """The estimate. The request is read first, so that mistakes in it are told as a provider would."""
        self.decode_request(document)
        return msgspec.json.encode({"input_tokens": input_tokens(document.as_dict())})
