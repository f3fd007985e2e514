"""The wire format as the gateway speaks it to Bedrock. No client is served in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.chat import ChatReply, ChatRequest, Usage
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import GatewayError, GatewayFault
from tollhouse.dataplane.protocol import (
    Encoded,
    Peek,
    Protocol,
    ReplyContext,
    StreamDecoder,
    StreamEncoder,
    UsageReader,
)
from tollhouse.dataplane.protocols._bound import require_movable
from tollhouse.dataplane.protocols.bedrock_converse.reply import read_reply
from tollhouse.dataplane.protocols.bedrock_converse.stream import ConverseDecoder
from tollhouse.dataplane.protocols.bedrock_converse.usage import read_tail
from tollhouse.dataplane.protocols.bedrock_converse.write_request import FORMAT, RequestWriter


def _not_served() -> GatewayFault:
    return GatewayFault("not_served", "converse is spoken to Bedrock and not served to clients.")


class BedrockConverse(Protocol):
    """``converse`` and ``converse-stream``."""

    name = FORMAT
    model_in_body: ClassVar[bool] = False
    limit_field: ClassVar[str] = "inferenceConfig.maxTokens"
    option_fields: ClassVar[Mapping[str, str]] = {
        "temperature": "inferenceConfig.temperature",
        "top_p": "inferenceConfig.topP",
        "stop": "inferenceConfig.stopSequences",
    }
    stream_type: ClassVar[str] = "application/vnd.amazon.eventstream"

    def claims(self, path: str, document: RequestDocument | None) -> bool:
        """Never."""
        return False

    def peek(self, document: RequestDocument) -> Peek:
        """Not served."""
        raise _not_served()

    def decode_request(self, document: RequestDocument) -> ChatRequest:
        """Not served."""
        raise _not_served()

    def encode_request(self, chat: ChatRequest, *, max_output_tokens: int | None) -> Encoded:
        """As the port says."""
        require_movable(chat, self.name)
        return RequestWriter(chat, max_output_tokens).write()

    def passthrough_edits(self, document: RequestDocument, dropped: list[str]) -> bool:
        """None."""
        return False

    def decode_reply(self, body: bytes) -> ChatReply:
        """As the port says."""
        return read_reply(body)

    def encode_reply(self, reply: ChatReply, context: ReplyContext) -> bytes:
        """Not served."""
        raise _not_served()

    def read_usage(self, body: bytes) -> tuple[Usage | None, str]:
        """As the port says."""
        return read_tail(body)

    def stream_decoder(self) -> StreamDecoder:
        """As the port says."""
        return ConverseDecoder()

    def stream_encoder(self, context: ReplyContext) -> StreamEncoder:
        """Not served."""
        raise _not_served()

    def usage_reader(self, *, hide_usage: bool) -> UsageReader:
        """Not served."""
        raise _not_served()

    def encode_error(self, error: GatewayError, request_id: str) -> bytes:
        """Not served."""
        raise _not_served()
