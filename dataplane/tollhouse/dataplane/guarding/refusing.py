"""A block told as a model would: a whole answer of one sentence that ends with ``content_filter``."""

from __future__ import annotations

from tollhouse.dataplane.chat import (
    ChatReply,
    Choice,
    Ended,
    Finished,
    PartEnded,
    PartStarted,
    ReplyStarted,
    Text,
    TextDelta,
    Usage,
    UsageReported,
)
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.reply import Reply


class AnswerRefused(ClientError):
    """An answer must not be shown; ``reply`` is told instead of it while nothing of it was."""

    reply: Reply | None = None


def refusal(ex: Exchange, message: str, deny_code: int) -> AnswerRefused:
    """By APISIX's ``deny_code``: an error of this status; with 200 also an answer as of a model that declines."""
    status = deny_code if deny_code >= 400 else 400
    refused = AnswerRefused(status, "content_blocked", message, apisix_body={"message": message})
    refused.reply = refusal_reply(ex, message) if deny_code == 200 else None
    return refused


def refusal_reply(ex: Exchange, message: str) -> Reply | None:
    """In the client's format, streamed when it asked for a stream; None for formats that are no chat."""
    if ex.protocol is None or ex.protocol.operation != "chat":
        return None
    created = int(ex.received_at)
    context = ReplyContext(ex.peek.model, request_id=ex.id, created=created)
    if not ex.peek.stream:
        told = ChatReply(ex.id, ex.peek.model, [Choice([Text(message)], "content_filter")], Usage(), created)
        return Reply(200, [("content-type", "application/json")], ex.protocol.encode_reply(told, context))
    encoder = ex.protocol.stream_encoder(context)
    events = (
        ReplyStarted(ex.id, ex.peek.model, created, Usage()),
        PartStarted(0, 0, "text"),
        TextDelta(0, 0, message),
        PartEnded(0, 0),
        Finished(0, "content_filter"),
        UsageReported(Usage()),
        Ended(),
    )
    data = b"".join([encoder.encode(event) for event in events])
    return Reply(200, [("content-type", "text/event-stream"), ("cache-control", "no-cache")], data)
