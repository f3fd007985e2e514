"""How OpenAI answers chat completions, and how vLLM (a local Qwen) does where it differs."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Iterator
from typing import Any

from tollhouse.cli.simulator.ask import Answer, Ask, ToolOffer
from tollhouse.cli.simulator.openai_wire import ChatRequest, Message, read_chat, read_embeddings
from tollhouse.cli.simulator.tokens import PromptCache, count, pieces

_FINISH = {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "refusal": "content_filter"}
_ERRORS = {
    400: ("invalid_request_error", None, "Bad request."),
    401: (
        "invalid_request_error",
        "invalid_api_key",
        "Incorrect API key provided. Find yours in the account settings.",
    ),
    402: ("insufficient_quota", "insufficient_quota", "You exceeded your current quota, please check your plan."),
    403: ("invalid_request_error", None, "You are not allowed to use this model."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    413: ("invalid_request_error", "request_too_large", "The request is too large."),
    429: ("rate_limit_error", "rate_limit_exceeded", "Rate limit reached for requests. Please try again later."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("server_error", None, "The server is overloaded or not ready yet."),
}


class OpenAIDialect:
    """OpenAI's own API. Has no state; may be shared."""

    kind = "openai"
    chat_path = "/v1/chat/completions"
    model_names: tuple[str, ...] = ("gpt-*", "o[0-9]*", "chatgpt-*", "text-embedding-*", "ft:*")
    """Which names it knows, as glob patterns."""
    listed_models: tuple[str, ...] = ("gpt-5", "gpt-4.1", "gpt-4o", "gpt-4o-mini", "text-embedding-3-small")
    owner = "openai"
    key_required = True
    cache_marks = False
    lenient = False
    """Ignores request fields it does not know."""

    def serves(self, path: str) -> bool:
        """Whether the path is this format's."""
        return path == self.chat_path

    def enter(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """The document with what the path says; here nothing."""
        return document

    def read(self, document: Any, headers: dict[str, str]) -> Ask:
        """The request; raises Refusal."""
        request = read_chat(document, lenient=self.lenient)
        tools = [
            ToolOffer(tool.function.name, tool.function.parameters or {})
            for tool in request.tools or []
            if tool.function
        ]
        choice = request.tool_choice
        form = request.response_format
        return Ask(
            model=request.model,
            prompt=_prompt(request),
            last_text=next((_text(one) for one in reversed(request.messages) if one.role == "user"), ""),
            stream=bool(request.stream),
            tool_results=_results(request.messages),
            tools=tools,
            choice=_choice(choice),
            parallel=request.parallel_tool_calls is not False,
            schema=(form.json_schema.schema_ or {})
            if form and form.json_schema
            else {"type": "object", "properties": {"answer": {"type": "string"}}}
            if form and form.type == "json_object"
            else None,
            max_tokens=request.max_completion_tokens or request.max_tokens,
            include_usage=bool(request.stream_options and request.stream_options.include_usage),
            choices=request.n or 1,
            rounds=sum(1 for one in request.messages if one.tool_calls),
        )

    def count_cache(self, cache: PromptCache, key: str, ask: Ask, answer: Answer) -> None:
        """Fill in what was cached."""
        answer.cached_tokens = cache.automatic(f"{key}\0{ask.model}", ask.prompt)

    def usage(self, answer: Answer) -> dict[str, Any]:
        """``usage`` of a reply: the prompt includes what was cached."""
        return {
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "total_tokens": answer.prompt_tokens + answer.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": answer.cached_tokens, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    def whole(self, ask: Ask, answer: Answer, *, usage: bool) -> dict[str, Any]:
        """The reply in one piece."""
        message: dict[str, Any] = {
            "role": "assistant",
            "content": answer.text or None,
            "refusal": None,
            "annotations": [],
        }
        if answer.calls:
            message["tool_calls"] = [_call(call.id, call.name, call.arguments) for call in answer.calls]
        reply = self._envelope(answer, "chat.completion")
        reply["choices"] = [
            {"index": index, "message": message, "logprobs": None, "finish_reason": _FINISH[answer.stop]}
            for index in range(ask.choices)
        ]
        if usage:
            reply["usage"] = self.usage(answer)
        return reply

    def events(self, ask: Ask, answer: Answer, *, usage: bool) -> Iterator[tuple[bytes, bool]]:
        """The reply as server-sent events, each with whether it carries content."""
        for index in range(ask.choices):
            yield self._chunk(ask, answer, index, {"role": "assistant", "content": "", "refusal": None}), False
            for piece in pieces(answer.text):
                yield self._chunk(ask, answer, index, {"content": piece}), True
            for position, call in enumerate(answer.calls):
                head = {"index": position, **_call(call.id, call.name, "")}
                yield self._chunk(ask, answer, index, {"tool_calls": [head]}), True
                for start in range(0, len(call.arguments), 8):
                    part = {"index": position, "function": {"arguments": call.arguments[start : start + 8]}}
                    yield self._chunk(ask, answer, index, {"tool_calls": [part]}), True
            yield self._chunk(ask, answer, index, {}, _FINISH[answer.stop]), False
        if ask.include_usage and usage:
            last = self._envelope(answer, "chat.completion.chunk")
            last |= {"choices": [], "usage": self.usage(answer)}
            yield _event(last), False
        yield b"data: [DONE]\n\n", False

    def error_document(self, status: int, message: str, code: str | None, param: str | None) -> dict[str, Any]:
        """The body of an error."""
        kind, usual_code, usual = _ERRORS.get(status, _ERRORS[500 if status >= 500 else 400])
        return {"error": {"message": message or usual, "type": kind, "param": param, "code": code or usual_code}}

    def error_event(self, message: str) -> bytes:
        """An error inside a stream."""
        return _event(self.error_document(500, message, None, None))

    def headers(self, request_id: str) -> dict[str, str]:
        """What every reply carries."""
        return {
            "x-request-id": f"req_{request_id}",
            "openai-version": "2020-10-01",
            "openai-processing-ms": "1",
            "x-ratelimit-limit-requests": "10000",
            "x-ratelimit-remaining-requests": "9999",
        }

    def model_list(self, names: tuple[str, ...]) -> dict[str, Any]:
        """``GET /v1/models``."""
        return {"object": "list", "data": [self.model(name) for name in names]}

    def model(self, name: str) -> dict[str, Any]:
        """``GET /v1/models/{name}``."""
        return {"id": name, "object": "model", "created": 1715367049, "owned_by": self.owner}

    def extra(self, path: str, document: Any) -> tuple[dict[str, Any], dict[str, int]] | None:
        """Other POST paths: the reply and what it costs; None when there is no such path."""
        if path != "/v1/embeddings":
            return None
        request = read_embeddings(document)
        inputs = request.input if isinstance(request.input, list) and not _is_ids(request.input) else [request.input]
        size = request.dimensions or 1536
        data = [
            {"object": "embedding", "index": index, "embedding": _vector(text, size, request.encoding_format)}
            for index, text in enumerate(inputs)
        ]
        tokens = sum(
            count(text) if isinstance(text, str) else len(text) for text in inputs if not isinstance(text, int)
        )
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": data, "model": request.model, "usage": usage}, {"input": tokens}

    def _envelope(self, answer: Answer, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{answer.id}",
            "object": kind,
            "created": answer.created,
            "model": answer.model,
            "service_tier": "default",
            "system_fingerprint": "fp_simulated",
        }

    def _chunk(self, ask: Ask, answer: Answer, index: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
        chunk = self._envelope(answer, "chat.completion.chunk")
        chunk["choices"] = [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}]
        if ask.include_usage:
            chunk["usage"] = None
        return _event(chunk)


class GoogleFace(OpenAIDialect):
    """Gemini by OpenAI's chat completions, as Google's API has them beside its own format."""

    kind = "gemini"
    chat_path = "/v1beta/openai/chat/completions"


class QwenDialect(OpenAIDialect):
    """vLLM serving Qwen: OpenAI's format, no key unless one is set, unknown fields ignored, errors of its own."""

    kind = "qwen"
    model_names = ("qwen*", "Qwen*")
    listed_models = ("qwen3-32b",)
    owner = "vllm"
    key_required = False
    lenient = True

    def error_document(self, status: int, message: str, code: str | None, param: str | None) -> dict[str, Any]:
        """The body of an error: vLLM puts the status in ``code``."""
        kind = {400: "BadRequestError", 401: "Unauthorized", 404: "NotFoundError"}.get(status, "InternalServerError")
        text = message or _ERRORS.get(status, _ERRORS[500])[2]
        return {"error": {"message": text, "type": kind, "param": param, "code": status}}

    def model(self, name: str) -> dict[str, Any]:
        """``GET /v1/models/{name}``: vLLM tells the context length."""
        return {**super().model(name), "root": name, "parent": None, "max_model_len": 131072, "permission": []}

    def headers(self, request_id: str) -> dict[str, str]:
        """vLLM adds nothing but the server's name."""
        return {"server": "uvicorn"}

    def usage(self, answer: Answer) -> dict[str, Any]:
        """vLLM reports cached tokens only as a detail, and no completion details."""
        full = super().usage(answer)
        del full["completion_tokens_details"]
        full["prompt_tokens_details"] = {"cached_tokens": answer.cached_tokens} if answer.cached_tokens else None
        return full


def _event(document: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n\n"


def _call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _choice(choice: str | dict[str, Any] | None) -> str:
    if isinstance(choice, dict):
        if choice.get("type") == "function":
            return str(choice["function"]["name"])
        return "any" if (choice.get("allowed_tools") or {}).get("mode") == "required" else "auto"
    return {None: "auto", "required": "any"}.get(choice, choice or "auto")


def _text(message: Message) -> str:
    if isinstance(message.content, list):
        return "".join(part.text or f"[{part.type}]" for part in message.content)
    return message.content or ""


def _results(messages: list[Message]) -> list[str]:
    results: list[str] = []
    for message in reversed(messages):
        if message.role != "tool":
            break
        results.insert(0, _text(message))
    return results


def _prompt(request: ChatRequest) -> str:
    lines = [tool.model_dump_json(exclude_none=True) for tool in request.tools or []]
    for message in request.messages:
        calls = "".join(call.model_dump_json(exclude_none=True) for call in message.tool_calls or [])
        lines.append(f"<{message.role}>{_text(message)}{calls}")
    return "\n".join(lines)


def _is_ids(value: list[Any]) -> bool:
    return bool(value) and isinstance(value[0], int)


def _vector(text: Any, size: int, encoding: str | None) -> Any:
    raw = hashlib.shake_128(repr(text).encode()).digest(size * 2)
    values = [(high * 256 + low) / 32768 - 1 for high, low in zip(raw[::2], raw[1::2], strict=True)]
    length = sum(value * value for value in values) ** 0.5
    values = [value / length for value in values]
    return base64.b64encode(struct.pack(f"<{size}f", *values)).decode() if encoding == "base64" else values
