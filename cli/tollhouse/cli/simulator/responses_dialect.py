"""How OpenAI answers responses."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from tollhouse.cli.simulator.ask import Answer, Ask, Call, Refusal, ToolOffer
from tollhouse.cli.simulator.openai_dialect import OpenAIDialect
from tollhouse.cli.simulator.responses_wire import SEALED, Item, Part, ResponsesRequest, Tool, offered, read_responses
from tollhouse.cli.simulator.tokens import pieces

_KEPT = 256


class ResponsesDialect(OpenAIDialect):
    """OpenAI's responses. Remembers the last stored ones for ``previous_response_id``; one per simulator."""

    chat_path = "/v1/responses"

    def __init__(self) -> None:
        self._stored: OrderedDict[str, list[Any]] = OrderedDict()

    def read(self, document: Any, headers: dict[str, str]) -> Ask:
        """The request; raises Refusal."""
        request = read_responses(document)
        given = document.get("input") or []
        items = [{"role": "user", "content": given}] if isinstance(given, str) else list(given)
        if request.previous_response_id is not None:
            before = self._stored.get(request.previous_response_id)
            if before is None:
                raise Refusal(
                    400,
                    f"Previous response with id '{request.previous_response_id}' not found.",
                    code="previous_response_not_found",
                    param="previous_response_id",
                )
            items = [*before, *items]
        read = [Item.model_validate(item) for item in items]
        form = request.text.format if request.text else None
        return Ask(
            model=request.model,
            prompt=_prompt(request, read),
            last_text=next((_text(item.content) for item in reversed(read) if item.role == "user"), ""),
            stream=bool(request.stream),
            tool_results=_results(read),
            tools=[offer for tool in offered(request) for offer in _offers(tool)],
            choice=_choice(request.tool_choice),
            parallel=request.parallel_tool_calls is not False,
            schema=(form.schema_ or {})
            if form and form.type == "json_schema"
            else {"type": "object", "properties": {"answer": {"type": "string"}}}
            if form and form.type == "json_object"
            else None,
            max_tokens=request.max_output_tokens,
            include_usage=True,
            thinking=bool(request.reasoning and request.reasoning.effort not in (None, "none", "minimal")),
            rounds=_rounds(read),
            source={"document": document, "items": items},
        )

    def usage(self, answer: Answer) -> dict[str, Any]:
        """``usage`` of a response."""
        return {
            "input_tokens": answer.prompt_tokens,
            "input_tokens_details": {"cached_tokens": answer.cached_tokens, "cache_write_tokens": 0},
            "output_tokens": answer.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": answer.prompt_tokens + answer.completion_tokens,
        }

    def whole(self, ask: Ask, answer: Answer, *, usage: bool) -> dict[str, Any]:
        """The response in one piece."""
        asked = ask.source
        response = self._response(asked["document"], answer, "completed")
        response["output"] = [item for item, _ in self._items(answer)]
        if answer.stop == "length":
            response |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
        if usage:
            response["usage"] = self.usage(answer)
        if asked["document"].get("store") is not False:
            self._stored[response["id"]] = [*asked["items"], *response["output"]]
            if len(self._stored) > _KEPT:
                self._stored.popitem(last=False)
        return response

    def events(self, ask: Ask, answer: Answer, *, usage: bool) -> Iterator[tuple[bytes, bool]]:
        """The response as server-sent events, each with whether it carries content."""
        started = self._response(ask.source["document"], answer, "in_progress")
        number = 0
        for type_, fields, content in self._steps(answer, started):
            yield _event(type_, number, fields), content
            number += 1
        whole = self.whole(ask, answer, usage=usage)
        yield _event(f"response.{whole['status']}", number, {"response": whole}), False

    def error_event(self, message: str) -> bytes:
        """An error inside a stream."""
        told = {"code": "server_error", "message": message or "The server had an error.", "param": None}
        return _event("error", 0, told)

    def _response(self, document: dict[str, Any], answer: Answer, status: str) -> dict[str, Any]:
        names = (
            "instructions",
            "metadata",
            "previous_response_id",
            "reasoning",
            "text",
            "temperature",
            "top_p",
            "user",
        )
        return {
            "id": f"resp_{answer.id}",
            "object": "response",
            "created_at": answer.created,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "max_output_tokens": document.get("max_output_tokens"),
            "model": answer.model,
            "output": [],
            "parallel_tool_calls": document.get("parallel_tool_calls", True),
            "store": document.get("store", True),
            "tool_choice": document.get("tool_choice", "auto"),
            "tools": document.get("tools") or [],
            "truncation": "disabled",
            "usage": None,
            **{name: document.get(name) for name in names},
        }

    def _items(self, answer: Answer) -> Iterator[tuple[dict[str, Any], str]]:
        """The output items, each with the text it is streamed as."""
        if answer.thinking:
            summary = [{"type": "summary_text", "text": answer.thinking}]
            sealed = SEALED + answer.id
            item = {"id": f"rs_{answer.id}", "type": "reasoning", "summary": summary, "encrypted_content": sealed}
            yield item, answer.thinking
        if answer.text or not answer.calls:
            refused = answer.stop == "refusal"
            part: dict[str, Any] = (
                {"type": "refusal", "refusal": answer.text}
                if refused
                else {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
            )
            message = {"id": f"msg_{answer.id}", "type": "message", "role": "assistant", "status": "completed"}
            yield {**message, "content": [part]}, answer.text
        for call in answer.calls:
            yield _call_item(call), call.arguments

    def _steps(self, answer: Answer, started: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
        yield "response.created", {"response": started}, False
        yield "response.in_progress", {"response": started}, False
        for index, (item, text) in enumerate(self._items(answer)):
            yield from _item_steps(index, item, text)


def _item_steps(index: int, item: dict[str, Any], text: str) -> Iterator[tuple[str, dict[str, Any], bool]]:
    empty = {"content": [], "summary": [], "arguments": "", "input": "", "status": "in_progress"}
    added = {**item, **{name: value for name, value in empty.items() if name in item}}
    yield "response.output_item.added", {"output_index": index, "item": added}, False
    where: dict[str, Any] = {"item_id": item["id"], "output_index": index}
    kind = item["type"]
    if kind == "message":
        where["content_index"] = 0
        part = item["content"][0]
        name, field = ("refusal", "refusal") if part["type"] == "refusal" else ("output_text", "text")
        more: dict[str, Any] = {"logprobs": []} if field == "text" else {}
        yield "response.content_part.added", {**where, "part": {**part, field: ""}}, False
        for piece in pieces(text):
            yield f"response.{name}.delta", {**where, "delta": piece, **more}, True
        yield f"response.{name}.done", {**where, field: text, **more}, False
        yield "response.content_part.done", {**where, "part": part}, False
    elif kind == "reasoning":
        where["summary_index"] = 0
        part = {"type": "summary_text", "text": text}
        yield "response.reasoning_summary_part.added", {**where, "part": {**part, "text": ""}}, False
        for piece in pieces(text):
            yield "response.reasoning_summary_text.delta", {**where, "delta": piece}, True
        yield "response.reasoning_summary_text.done", {**where, "text": text}, False
        yield "response.reasoning_summary_part.done", {**where, "part": part}, False
    else:
        name, field = ("custom_tool_call_input", "input")
        if kind == "function_call":
            name, field = ("function_call_arguments", "arguments")
        for start in range(0, len(text), 8):
            yield f"response.{name}.delta", {**where, "delta": text[start : start + 8]}, True
        yield f"response.{name}.done", {**where, field: text}, False
    yield "response.output_item.done", {"output_index": index, "item": item}, False


def _call_item(call: Call) -> dict[str, Any]:
    number = call.id.removeprefix("call_")
    item: dict[str, Any] = {"status": "completed", "call_id": call.id, "name": call.name}
    if call.namespace:
        item["namespace"] = call.namespace
    if call.freeform:
        return {"id": f"ctc_{number}", "type": "custom_tool_call", "input": call.arguments, **item}
    return {"id": f"fc_{number}", "type": "function_call", "arguments": call.arguments, **item}


def _event(type_: str, number: int, fields: dict[str, Any]) -> bytes:
    body = {"type": type_, "sequence_number": number, **fields}
    return f"event: {type_}\ndata: {json.dumps(body, separators=(',', ':'), ensure_ascii=False)}\n\n".encode()


def _offers(tool: Tool) -> Iterator[ToolOffer]:
    if tool.type == "namespace":
        for inner in tool.tools or ():
            yield ToolOffer(inner.name or "", inner.parameters or {}, inner.type == "custom", tool.name or "")
    elif tool.type in ("function", "custom"):
        yield ToolOffer(tool.name or "", tool.parameters or {}, tool.type == "custom")


def _choice(choice: str | dict[str, Any] | None) -> str:
    if isinstance(choice, dict):
        if choice.get("type") in ("function", "custom"):
            return str(choice["name"])
        return "any" if choice.get("mode") == "required" else "auto"
    return {None: "auto", "required": "any"}.get(choice, choice or "auto")


def _text(content: str | list[Part] | None) -> str:
    if isinstance(content, list):
        return "".join(part.text or part.refusal or f"[{part.type}]" for part in content)
    return content or ""


def _results(items: list[Item]) -> list[str]:
    results: list[str] = []
    for item in reversed(items):
        if not item.type.endswith("_call_output"):
            break
        results.insert(0, _text(item.output))
    return results


def _rounds(items: list[Item]) -> int:
    """Runs of calls: what the model called in one go counts once."""
    called = [item.type in ("function_call", "custom_tool_call") for item in items if item.type != "reasoning"]
    return sum(1 for before, now in zip([False, *called], called, strict=False) if now and not before)


def _prompt(request: ResponsesRequest, items: list[Item]) -> str:
    lines = [tool.model_dump_json(exclude_none=True) for tool in offered(request)]
    lines.append(request.instructions or "")
    lines += [f"<{item.role or item.type}>{item.model_dump_json(exclude_none=True)}" for item in items]
    return "\n".join(lines)
