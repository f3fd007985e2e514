"""Events to a responses stream: each part an output item of its own, announced, filled, and repeated whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    Ended,
    Event,
    Failed,
    Finished,
    OpaqueDelta,
    PartEnded,
    PartStarted,
    ReplyStarted,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    Usage,
    UsageReported,
)
from tollhouse.dataplane.engine.sse import write_event
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.protocol import ReplyContext, StreamEncoder
from tollhouse.dataplane.protocols._failures import stream_failure
from tollhouse.dataplane.protocols._freeform import input_of
from tollhouse.dataplane.protocols.openai_chat.errors import error_code
from tollhouse.dataplane.protocols.openai_responses.reply import (
    chat_logprobs,
    envelope,
    finish,
    message_item,
    reasoning_item,
    text_part,
)
from tollhouse.dataplane.protocols.openai_responses.tools import FORMAT, Calls
from tollhouse.dataplane.protocols.openai_responses.usage import write_usage

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class _Item:
    """An output item that is being written."""

    index: int
    id: str
    start: PartStarted
    text: str = ""
    signature: str = ""
    logprobs: list[Any] | None = None
    announced: bool = False


class ResponsesEncoder(StreamEncoder):
    """See the port."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._calls = Calls(context)
        self._number = 0
        self._response: dict[str, Any] = {}
        self._open: dict[int, _Item] = {}
        self._output: dict[int, dict[str, Any]] = {}
        self._items = 0
        self._usage = Usage()
        self._finished = Finished(0, "stop")

    def encode(self, event: Event) -> bytes:
        """As the port says."""
        match event:
            case TextDelta(0, index, text, logprobs):
                return self._text(index, text, logprobs)
            case ArgumentsDelta(0, index, json):
                return self._arguments(index, json)
            case ThinkingDelta(0, index, text, signature):
                return self._thinking(index, text, signature)
            case PartStarted():
                return self._begin(event)
            case PartEnded(0, index):
                return self._end_part(index)
            case ReplyStarted():
                return self._start(event)
            case UsageReported(usage):
                self._usage = usage
            case Finished(choice=0):
                self._finished = event
            case Ended():
                return self._end()
            case Failed(type_, message, status):
                return self.error(stream_failure(type_, message, status), self._context.request_id)
            case OpaqueDelta(0, index, opaque) if opaque.protocol == FORMAT and index in self._open:
                item = self._open[index]
                where = {"item_id": f"msg_{item.id}", "output_index": item.index, "content_index": 0}
                return self._event("response.output_text.annotation.added", **where, annotation_index=0, **opaque.value)
        return b""

    def error(self, error: GatewayError, request_id: str) -> bytes:
        """As the port says: ``response.failed``, which Codex and the SDKs take as the end."""
        response = self._response or envelope(self._context, "", "", 0, "failed")
        code = error_code(error)
        if error.status >= 500:
            code = "server_error"  # the only word of this kind that is in the schema
        elif error.status == 429 and code != "insufficient_quota":
            code = "rate_limit_exceeded"
        told = {"code": code, "message": error.message}
        failed = {**response, "status": "failed", "error": told, "output": self._whole_output()}
        return self._event("response.failed", response=failed)

    def _event(self, type_: str, **fields: Any) -> bytes:
        body = {"type": type_, "sequence_number": self._number, **fields}
        self._number += 1
        return write_event(_encode(body), type_)

    def _start(self, event: ReplyStarted) -> bytes:
        self._usage = event.usage or self._usage
        self._response = envelope(self._context, event.id, event.model, event.created, "in_progress")
        created = self._event("response.created", response=self._response)
        return created + self._event("response.in_progress", response=self._response)

    # -- items

    def _begin(self, event: PartStarted) -> bytes:
        if event.choice != 0:
            return b""
        if event.opaque is not None and event.opaque.protocol != FORMAT:
            return b""
        item = _Item(self._items, f"{self._context.request_id or 'r'}_{event.index}", event)
        self._items += 1
        self._open[event.index] = item
        if event.kind in ("thinking", "redacted_thinking"):
            return self._event("response.output_item.added", output_index=item.index, item=self._written(item))
        if event.kind in ("text", "refusal"):
            added = message_item(item.id, [], "in_progress")
            written = self._event("response.output_item.added", output_index=item.index, item=added)
            return written + self._event(
                "response.content_part.added",
                item_id=added["id"],
                output_index=item.index,
                content_index=0,
                part=self._content(item),
            )
        status = {} if event.opaque is not None else {"status": "in_progress"}
        shown = {**self._written(item), **status}
        return self._event("response.output_item.added", output_index=item.index, item=shown)

    def _text(self, index: int, text: str, logprobs: Any) -> bytes:
        item = self._open.get(index)
        if item is None:
            return b""
        item.text += text
        where = {"item_id": f"msg_{item.id}", "output_index": item.index, "content_index": 0}
        if item.start.kind == "refusal":
            return self._event("response.refusal.delta", **where, delta=text)
        told = chat_logprobs(logprobs)
        if told:
            item.logprobs = [*(item.logprobs or ()), *told]
        return self._event("response.output_text.delta", **where, delta=text, logprobs=told)

    def _arguments(self, index: int, json: str) -> bytes:
        item = self._open.get(index)
        if item is None or not json:
            return b""
        item.text += json
        if self._calls.is_freeform(item.start.name):
            return b""  # told at the end, when the text in it can be read
        where = {"item_id": f"fc_{item.id}", "output_index": item.index}
        return self._event("response.function_call_arguments.delta", **where, delta=json)

    def _thinking(self, index: int, text: str, signature: str) -> bytes:
        item = self._open.get(index)
        if item is None:
            return b""
        item.signature = signature or item.signature
        if not text:
            return b""
        where = {"item_id": f"rs_{item.id}", "output_index": item.index, "summary_index": 0}
        written = b""
        if not item.announced:
            item.announced = True
            part = {"type": "summary_text", "text": ""}
            written = self._event("response.reasoning_summary_part.added", **where, part=part)
        item.text += text
        return written + self._event("response.reasoning_summary_text.delta", **where, delta=text)

    def _end_part(self, index: int) -> bytes:
        item = self._open.pop(index, None)
        if item is None:
            return b""
        if item.start.kind == "tool_call" and not item.text:
            item.text = "{}"
        whole = self._written(item)
        self._output[item.index] = whole
        written = self._last_words(item, whole)
        return written + self._event("response.output_item.done", output_index=item.index, item=whole)

    def _last_words(self, item: _Item, whole: dict[str, Any]) -> bytes:
        """What comes before ``output_item.done``."""
        kind = item.start.kind
        where: dict[str, Any] = {"item_id": whole.get("id", ""), "output_index": item.index}
        if kind in ("text", "refusal"):
            where["content_index"] = 0
            part = self._content(item)
            if kind == "text":
                written = self._event("response.output_text.done", **where, text=item.text, logprobs=part["logprobs"])
            else:
                written = self._event("response.refusal.done", **where, refusal=item.text)
            return written + self._event("response.content_part.done", **where, part=part)
        if kind == "thinking" and item.announced:
            where["summary_index"] = 0
            part = {"type": "summary_text", "text": item.text}
            written = self._event("response.reasoning_summary_text.done", **where, text=item.text)
            return written + self._event("response.reasoning_summary_part.done", **where, part=part)
        if kind == "tool_call" and whole["type"] == "custom_tool_call":
            text = input_of(item.text)
            written = self._event("response.custom_tool_call_input.delta", **where, delta=text)
            return written + self._event("response.custom_tool_call_input.done", **where, input=text)
        if kind == "tool_call":
            return self._event(
                "response.function_call_arguments.done", **where, name=whole["name"], arguments=item.text
            )
        return b""

    def _content(self, item: _Item) -> dict[str, Any]:
        if item.start.kind == "refusal":
            return {"type": "refusal", "refusal": item.text}
        return text_part(item.text, item.logprobs)

    def _written(self, item: _Item) -> dict[str, Any]:
        """The item as far as it has come."""
        start = item.start
        if start.kind == "tool_call":
            return self._calls.item(ToolCall(start.call_id, start.name, item.text), item.id)
        if start.kind in ("thinking", "redacted_thinking"):
            part = Thinking(item.text, item.signature, start.redacted)
            return reasoning_item(item.id, part, self._context.provider_format)
        if start.opaque is not None:
            return start.opaque.value
        return message_item(item.id, [self._content(item)])

    # -- the end

    def _whole_output(self) -> list[dict[str, Any]]:
        return [item for _, item in sorted(self._output.items())]

    def _end(self) -> bytes:
        written = b"".join([self._end_part(index) for index in list(self._open)])
        response = {**(self._response or envelope(self._context, "", "", 0, "completed"))}
        response["output"] = self._whole_output()
        response["usage"] = write_usage(self._usage)
        return written + self._event(finish(response, self._finished.reason), response=response)
