"""How Anthropic answers messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tollhouse.cli.simulator.anthropic_wire import (
    Block,
    CountRequest,
    Message,
    MessagesRequest,
    read_count,
    read_messages,
)
from tollhouse.cli.simulator.ask import Answer, Ask, Refusal, ToolOffer
from tollhouse.cli.simulator.tokens import PromptCache, count, pieces

VERSION = re.compile(r"20\d\d-[01]\d-[0-3]\d")
"""SDKs are ahead of any list we could keep: every well-formed date is taken."""
_STOP = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "refusal": "refusal"}
_ERRORS = {
    400: ("invalid_request_error", "Bad request."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the API."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "Not found"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}


class AnthropicDialect:
    """Anthropic's API. Has no state; may be shared."""

    kind = "anthropic"
    chat_path = "/v1/messages"
    model_names: tuple[str, ...] = ("claude-*",)
    listed_models: tuple[str, ...] = ("claude-opus-4-1", "claude-sonnet-4-5", "claude-haiku-4-5", "claude-3-sonnet")
    key_required = True
    cache_marks = True

    def serves(self, path: str) -> bool:
        """Whether the path is this format's."""
        return path == self.chat_path

    def enter(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """The document with what the path says; here nothing."""
        return document

    def read(self, document: Any, headers: dict[str, str]) -> Ask:
        """The request; raises Refusal."""
        _check_version(headers)
        request = read_messages(document, headers.get("anthropic-beta", ""))
        prompt, marks = _prompt(request)
        choice = request.tool_choice
        schema = _schema(request)
        named = {"any": "any", "none": "none", "tool": (choice.name if choice else None) or "auto"}
        return Ask(
            model=request.model,
            prompt=prompt,
            last_text=next(
                (_asked(one) for one in reversed(request.messages) if one.role == "user" and _asked(one)), ""
            ),
            stream=bool(request.stream),
            tool_results=_results(request.messages),
            tools=[
                ToolOffer(tool.name, tool.input_schema) for tool in request.tools or [] if tool.input_schema is not None
            ],
            choice=named.get(choice.type, "auto") if choice else "auto",
            parallel=not (choice and choice.disable_parallel_tool_use),
            schema=schema,
            max_tokens=request.max_tokens,
            include_usage=True,
            thinking=request.thinking is not None and request.thinking.type == "enabled",
            rounds=sum(1 for one in request.messages if one.role == "assistant" and _calls(one)),
            breakpoints=marks,
        )

    def count_cache(self, cache: PromptCache, key: str, ask: Ask, answer: Answer) -> None:
        """Fill in what was read from and written to the cache."""
        owner = f"{key}\0{ask.model}"
        answer.cached_tokens, answer.written_tokens = cache.marked(owner, ask.prompt, ask.breakpoints or [])

    def usage(self, answer: Answer) -> dict[str, Any]:
        """``usage`` of a reply: ``input_tokens`` without what was read from or written to the cache."""
        return {
            "input_tokens": max(0, answer.prompt_tokens - answer.cached_tokens - answer.written_tokens),
            "cache_creation_input_tokens": answer.written_tokens,
            "cache_read_input_tokens": answer.cached_tokens,
            "cache_creation": {
                "ephemeral_5m_input_tokens": answer.written_tokens,
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": answer.completion_tokens,
            "service_tier": "standard",
        }

    def whole(self, ask: Ask, answer: Answer, *, usage: bool) -> dict[str, Any]:
        """The reply in one piece."""
        content: list[dict[str, Any]] = []
        if answer.thinking:
            content.append({"type": "thinking", "thinking": answer.thinking, "signature": _signature(answer)})
        if answer.text:
            content.append({"type": "text", "text": answer.text})
        for call in answer.calls:
            content.append(
                {"type": "tool_use", "id": _id(call.id), "name": call.name, "input": json.loads(call.arguments)}
            )
        reply = self._envelope(answer)
        reply |= {"content": content, "stop_reason": _STOP[answer.stop]}
        reply["usage"] = self.usage(answer) if usage else {"input_tokens": 0, "output_tokens": 0}
        return reply

    def events(self, ask: Ask, answer: Answer, *, usage: bool) -> Iterator[tuple[bytes, bool]]:
        """The reply as server-sent events, each with whether it carries content."""
        spent = self.usage(answer) if usage else {"input_tokens": 0, "output_tokens": 0}
        start = self._envelope(answer)
        start["usage"] = {**spent, "output_tokens": 1 if usage else 0}
        yield _event({"type": "message_start", "message": start}), False
        for index, (block, deltas) in enumerate(_blocks(answer)):
            yield _event({"type": "content_block_start", "index": index, "content_block": block}), False
            if index == 0:
                yield _event({"type": "ping"}), False
            for delta in deltas:
                yield _event({"type": "content_block_delta", "index": index, "delta": delta}), True
            yield _event({"type": "content_block_stop", "index": index}), False
        end = {"type": "message_delta", "delta": {"stop_reason": _STOP[answer.stop], "stop_sequence": None}}
        names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
        end["usage"] = {name: spent.get(name, 0) for name in names}
        yield _event(end), False
        yield _event({"type": "message_stop"}), False

    def error_document(self, status: int, message: str, code: str | None, param: str | None) -> dict[str, Any]:
        """The body of an error."""
        kind, usual = _ERRORS.get(status, _ERRORS[500 if status >= 500 else 400])
        return {"type": "error", "error": {"type": code or kind, "message": message or usual}}

    def error_event(self, message: str) -> bytes:
        """An error inside a stream."""
        return _event(self.error_document(529, message, None, None))

    def headers(self, request_id: str) -> dict[str, str]:
        """What every reply carries."""
        return {
            "request-id": f"req_{request_id}",
            "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
            "anthropic-ratelimit-requests-limit": "4000",
            "anthropic-ratelimit-requests-remaining": "3999",
        }

    def model_list(self, names: tuple[str, ...]) -> dict[str, Any]:
        """``GET /v1/models``."""
        data = [self.model(name) for name in names]
        first, last = (names[0], names[-1]) if names else (None, None)
        return {"data": data, "has_more": False, "first_id": first, "last_id": last}

    def model(self, name: str) -> dict[str, Any]:
        """``GET /v1/models/{name}``."""
        shown = name.replace("-", " ").title()
        return {"type": "model", "id": name, "display_name": shown, "created_at": "2025-01-01T00:00:00Z"}

    def extra(self, path: str, document: Any) -> tuple[dict[str, Any], dict[str, int]] | None:
        """Other POST paths: the reply and what it costs; None when there is no such path."""
        if path != "/v1/messages/count_tokens":
            return None
        return {"input_tokens": count(_prompt(read_count(document, "mid-conversation-system"))[0])}, {}

    def _envelope(self, answer: Answer) -> dict[str, Any]:
        return {
            "id": f"msg_{answer.id}",
            "type": "message",
            "role": "assistant",
            "model": answer.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {},
        }


def _check_version(headers: dict[str, str]) -> None:
    version = headers.get("anthropic-version")
    if version is None:
        raise Refusal(400, "anthropic-version: header is required")
    if not VERSION.fullmatch(version):
        raise Refusal(400, f'anthropic-version: "{version}" is not a valid version')


def _blocks(answer: Answer) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    if answer.thinking:
        deltas: list[dict[str, Any]] = [
            {"type": "thinking_delta", "thinking": piece} for piece in pieces(answer.thinking)
        ]
        deltas.append({"type": "signature_delta", "signature": _signature(answer)})
        yield {"type": "thinking", "thinking": "", "signature": ""}, deltas
    if answer.text:
        yield {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces(answer.text)]
    for call in answer.calls:
        block = {"type": "tool_use", "id": _id(call.id), "name": call.name, "input": {}}
        text = "" if call.arguments == "{}" else call.arguments
        parts = [""] + [text[start : start + 8] for start in range(0, len(text), 8)]
        yield block, [{"type": "input_json_delta", "partial_json": part} for part in parts]


def _event(document: dict[str, Any]) -> bytes:
    data = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return f"event: {document['type']}\ndata: {data}\n\n".encode()


def _id(call_id: str) -> str:
    return "toolu_" + call_id.removeprefix("call_")


def _signature(answer: Answer) -> str:
    return f"c2ln{answer.id}"


def _schema(request: CountRequest) -> dict[str, Any] | None:
    form = request.output_format or (request.output_config or {}).get("format")
    return form.get("schema") if isinstance(form, dict) else None


def _block_text(block: Block) -> str:
    if block.type == "tool_result":
        return _content_text(block.content)
    return block.text or (f"[{block.type}]" if block.type not in ("tool_use", "thinking") else "")


def _content_text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text") or f"[{part.get('type')}]") for part in content if isinstance(part, dict))
    return str(content or "")


def _asked(message: Message) -> str:
    if isinstance(message.content, str):
        return message.content
    return "".join(block.text or "" for block in message.content if block.type == "text")


def _calls(message: Message) -> bool:
    return not isinstance(message.content, str) and any(block.type == "tool_use" for block in message.content)


def _results(messages: list[Message]) -> list[str]:
    content = messages[-1].content
    if isinstance(content, str):
        return []
    return [_content_text(block.content) for block in content if block.type == "tool_result"]


def _prompt(request: CountRequest | MessagesRequest) -> tuple[str, list[int]]:
    """The prompt as one text, and the places in it where the caller wants caching."""
    text = ""
    marks: list[int] = []

    def add(piece: str, marked: bool) -> None:
        nonlocal text
        text += piece
        if marked:
            marks.append(len(text))

    for tool in request.tools or []:
        add(tool.model_dump_json(exclude_none=True, exclude={"cache_control"}) + "\n", tool.cache_control is not None)
    system = [Block(type="text", text=request.system)] if isinstance(request.system, str) else request.system or []
    for block in system:
        add(block.text or "", block.cache_control is not None)
    for message in request.messages:
        add(f"\n<{message.role}>", False)
        blocks = [Block(type="text", text=message.content)] if isinstance(message.content, str) else message.content
        for block in blocks:
            call = f"{block.name}{json.dumps(block.input)}" if block.type == "tool_use" else ""
            add(_block_text(block) + call, block.cache_control is not None)
    if request.cache_control is not None:
        marks.append(len(text))
    return text, marks
