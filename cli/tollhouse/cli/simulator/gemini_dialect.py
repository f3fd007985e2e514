"""How Google answers generateContent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tollhouse.cli.simulator.ask import Answer, Ask, ToolOffer
from tollhouse.cli.simulator.gemini_wire import Content, GenerateRequest, Part, read_generate
from tollhouse.cli.simulator.tokens import PromptCache, count, pieces

_PATH = re.compile(r"/v1beta/models/(?P<model>[^:/]+):(?P<method>generateContent|streamGenerateContent)")
_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "refusal": "SAFETY"}
_ERRORS = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "API key not valid. Please pass a valid API key."),
    403: ("PERMISSION_DENIED", "The caller does not have permission."),
    404: ("NOT_FOUND", "Requested entity was not found."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
    500: ("INTERNAL", "An internal error has occurred."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}


class GeminiDialect:
    """Google's Gemini API. Has no state; may be shared."""

    kind = "gemini"
    chat_path = "/v1beta/models/{model}:generateContent"
    model_names: tuple[str, ...] = ("gemini-*",)
    listed_models: tuple[str, ...] = ("gemini-2.5-flash", "gemini-2.5-pro")
    key_required = True
    cache_marks = False

    def serves(self, path: str) -> bool:
        """Whether the path is one of generateContent's."""
        return _PATH.fullmatch(path) is not None

    def enter(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """Model and method, which the path names, beside the document."""
        found = _PATH.fullmatch(path)
        assert found is not None
        return {"model": found["model"], "stream": found["method"] == "streamGenerateContent", "request": document}

    def read(self, document: Any, headers: dict[str, str]) -> Ask:
        """The request; raises Refusal."""
        request = read_generate(document["request"])
        config = request.generation_config
        declared = [one for tool in request.tools or () for one in tool.function_declarations or ()]
        schema = (config.response_json_schema or _lower(config.response_schema)) if config else None
        return Ask(
            model=document["model"],
            prompt=_prompt(request),
            last_text=next(
                (_text(one) for one in reversed(request.contents) if one.role != "model" and _text(one)), ""
            ),
            stream=document["stream"],
            tool_results=_results(request.contents),
            tools=[ToolOffer(one.name, one.parameters_json_schema or _lower(one.parameters) or {}) for one in declared],
            choice=_choice(request),
            schema=schema,
            max_tokens=config.max_output_tokens if config else None,
            include_usage=True,
            thinking=bool(config and config.thinking_config and config.thinking_config.include_thoughts),
            choices=(config.candidate_count if config else None) or 1,
            rounds=sum(any(part.function_call for part in one.parts) for one in request.contents),
        )

    def count_cache(self, cache: PromptCache, key: str, ask: Ask, answer: Answer) -> None:
        """Fill in what was cached."""
        answer.cached_tokens = cache.automatic(f"{key}\0{ask.model}", ask.prompt)

    def whole(self, ask: Ask, answer: Answer, *, usage: bool) -> dict[str, Any]:
        """The reply in one piece."""
        parts = [part for part, _ in _parts(answer)]
        return self._reply(ask, answer, parts, _FINISH[answer.stop], usage)

    def events(self, ask: Ask, answer: Answer, *, usage: bool) -> Iterator[tuple[bytes, bool]]:
        """The reply as server-sent events, each with whether it carries content."""
        for part, is_text in _parts(answer):
            for piece in pieces(part["text"]) if is_text else [""]:
                shown = {**part, "text": piece} if is_text else part
                yield _event(self._reply(ask, answer, [shown], "", usage)), True
        yield _event(self._reply(ask, answer, [{"text": ""}], _FINISH[answer.stop], usage)), False

    def error_document(self, status: int, message: str, code: str | None, param: str | None) -> dict[str, Any]:
        """The body of an error."""
        word, usual = _ERRORS.get(status, _ERRORS[500 if status >= 500 else 400])
        return {"error": {"code": status, "message": message or usual, "status": word}}

    def error_event(self, message: str) -> bytes:
        """An error inside a stream."""
        return _event(self.error_document(503, message, None, None))

    def headers(self, request_id: str) -> dict[str, str]:
        """What every reply carries."""
        return {"server": "scaffolding on HTTPServer2", "x-gemini-service-tier": "standard"}

    def model_list(self, names: tuple[str, ...]) -> dict[str, Any]:
        """``GET /v1beta/models``."""
        return {"models": [self.model(name) for name in names]}

    def model(self, name: str) -> dict[str, Any]:
        """``GET /v1beta/models/{name}``."""
        return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": ["generateContent"]}

    def extra(self, path: str, document: Any) -> tuple[dict[str, Any], dict[str, int]] | None:
        """No other paths."""
        return None

    def _reply(self, ask: Ask, answer: Answer, parts: list[Any], finish: str, usage: bool) -> dict[str, Any]:
        candidates: list[dict[str, Any]] = []
        for index in range(ask.choices):
            candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": index}
            if finish:
                candidate["finishReason"] = finish
            candidates.append(candidate)
        reply: dict[str, Any] = {"candidates": candidates}
        if usage:
            thought = count(answer.thinking) if answer.thinking else 0
            reply["usageMetadata"] = {
                "promptTokenCount": answer.prompt_tokens,
                "candidatesTokenCount": max(0, answer.completion_tokens - thought),
                "thoughtsTokenCount": thought,
                "cachedContentTokenCount": answer.cached_tokens,
                "totalTokenCount": answer.prompt_tokens + max(answer.completion_tokens, thought),
            }
        return {**reply, "modelVersion": answer.model, "responseId": answer.id}


def _parts(answer: Answer) -> Iterator[tuple[dict[str, Any], bool]]:
    """The parts of the answer, each with whether it is text."""
    if answer.thinking:
        yield {"text": answer.thinking, "thought": True}, True
    if answer.text or not answer.calls:
        yield {"text": answer.text}, True
    for index, call in enumerate(answer.calls):
        part: dict[str, Any] = {"functionCall": {"id": call.id, "name": call.name, "args": json.loads(call.arguments)}}
        if index == 0:
            part["thoughtSignature"] = f"c2ln{answer.id}"
        yield part, False


def _event(document: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\r\n\r\n"


def _lower(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_lower(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: value.lower() if name == "type" and isinstance(value, str) else _lower(value)
        for name, value in schema.items()
    }


def _choice(request: GenerateRequest) -> str:
    calling = request.tool_config.function_calling_config if request.tool_config else None
    if calling is None or calling.mode in (None, "AUTO", "VALIDATED", "MODE_UNSPECIFIED"):
        return "auto"
    if calling.mode == "NONE":
        return "none"
    names = calling.allowed_function_names or []
    return names[0] if len(names) == 1 else "any"


def _part_text(part: Part) -> str:
    if part.function_response is not None:
        response = part.function_response.response
        only = next(iter(response.values())) if len(response) == 1 else None
        return only if isinstance(only, str) else json.dumps(response)
    if part.inline_data is not None:
        return f"[{part.inline_data.mime_type}]"
    return part.text or ""


def _text(content: Content) -> str:
    return "".join(part.text or "" for part in content.parts)


def _results(contents: list[Content]) -> list[str]:
    for content in reversed(contents[-2:]):
        found = [_part_text(part) for part in content.parts if part.function_response is not None]
        if found:
            return found
    return []


def _prompt(request: GenerateRequest) -> str:
    lines = [tool.model_dump_json(exclude_none=True) for tool in request.tools or ()]
    if request.system_instruction is not None:
        lines += [part.text or "" for part in request.system_instruction.parts]
    for content in request.contents:
        calls = "".join(part.function_call.model_dump_json() for part in content.parts if part.function_call)
        lines.append(f"<{content.role}>{''.join(map(_part_text, content.parts))}{calls}")
    return "\n".join(lines)
