"""A neutral request as responses."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Refusal,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from tollhouse.dataplane.protocol import Encoded
from tollhouse.dataplane.protocols._bound import left_out, left_out_of, shared, some_content
from tollhouse.dataplane.protocols._effort import effort_for
from tollhouse.dataplane.protocols._fields import unsupported
from tollhouse.dataplane.protocols._generations import is_reasoner, refused_by_reasoners
from tollhouse.dataplane.protocols._in_words import behind_system
from tollhouse.dataplane.protocols._media import document_text, join_data_url
from tollhouse.dataplane.protocols._names import ToolNames, safe_names, short_identity
from tollhouse.dataplane.protocols._tool_schema import object_schema, with_items
from tollhouse.dataplane.protocols.openai_chat.structured import for_openai, is_strict
from tollhouse.dataplane.protocols.openai_responses.tools import FORMAT

NAME_LIMIT = 64
ID_LIMIT = 64
MIN_OUTPUT = 16
"""The least ``max_output_tokens`` OpenAI takes."""

_BILLING = "x-anthropic-billing-header"
_UNCARRIED = ("frequency_penalty", "presence_penalty", "seed", "top_k", "stop")


class RequestWriter:
    """Writes one request; used once."""

    def __init__(self, chat: ChatRequest, max_output_tokens: int | None) -> None:
        self._chat = chat
        self._limit = max_output_tokens
        self._names = ToolNames(NAME_LIMIT, ID_LIMIT, own=False)
        self._dropped: list[str] = []

    def write(self) -> Encoded:
        """Raises ClientError naming what cannot be carried and must not be left out."""
        chat = self._chat
        if FORMAT in chat.extra and chat.original is not None:
            return Encoded({**chat.original, "model": chat.model})
        if chat.choices != 1:
            raise unsupported("n", f"responses give one answer per request, {chat.choices} were asked for.")
        body: dict[str, Any] = {"model": chat.model, "input": some_content(self._input()), "store": False}
        self._tools(body)
        self._limits(body)
        text: dict[str, Any] = {}
        if chat.response_format is not None:
            text |= self._format(chat.response_format, body["input"])
        told = shared(chat, FORMAT)
        if "verbosity" in told:
            text["verbosity"] = told.pop("verbosity")
        if text:
            body["text"] = text
        body.update(told)
        effort = effort_for(chat.reasoning, chat.model)
        if effort:
            body["reasoning"] = {"effort": effort, "summary": "auto"}
            body["include"] = ["reasoning.encrypted_content"]
        if chat.user and "safety_identifier" not in told:
            body["safety_identifier"] = short_identity(chat.user, 64)
        if chat.stream:
            body["stream"] = True
        self._dropped += [name for name in _UNCARRIED if getattr(chat, name) not in (None, [])]
        ignored = ("stream_options", "max_completion_tokens")
        self._dropped += [name for name in left_out(chat, FORMAT) if name not in ignored]
        return Encoded(body, safe_names(self._dropped), self._names.renamed)

    def _limits(self, body: dict[str, Any]) -> None:
        chat = self._chat
        for name in ("temperature", "top_p", "top_logprobs"):
            value = getattr(chat, name)
            if value is not None:
                body[name] = value
        if chat.logprobs:
            body.setdefault("include", []).append("message.output_text.logprobs")
        if is_reasoner(chat.model):
            self._dropped += refused_by_reasoners(body)
        asked = chat.max_tokens
        if asked is not None:
            within = max(MIN_OUTPUT, asked if self._limit is None else min(asked, self._limit))
            body["max_output_tokens"] = within
            if within != asked:
                self._dropped.append("max_tokens")

    def _format(self, asked: ResponseFormat, items: list[dict[str, Any]]) -> dict[str, Any]:
        wanted, told = for_openai(asked, items)
        if told:
            content = [{"type": "input_text", "text": told}]
            behind_system(items, {"type": "message", "role": "system", "content": content})
        if wanted is None:
            self._dropped.append("response_format")
            return {}
        return {"format": self._written_format(wanted)}

    @staticmethod
    def _written_format(wanted: ResponseFormat) -> dict[str, Any]:
        if wanted.kind != "json_schema":
            return {"type": wanted.kind}
        strict = wanted.strict if wanted.strict is not None else is_strict(wanted.schema)
        written = {"type": "json_schema", "name": wanted.name or "answer", "schema": wanted.schema or {}}
        if wanted.description:
            written["description"] = wanted.description
        return {**written, "strict": strict}

    # -- input

    def _input(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        for position, message in enumerate(self._chat.messages):
            where = f"messages[{position}]"
            if message.name:
                self._dropped.append("messages.name")
            if message.role == "assistant":
                self._answer(message, where, items)
            elif message.role == "tool":
                items += [self._result(part, where) for part in message.parts if isinstance(part, ToolResult)]
            else:
                content = self._content(self._told(message), where)
                if content:
                    items.append({"type": "message", "role": message.role, "content": content})
        return items

    def _told(self, message: Message) -> list[Part]:
        if message.role != "system":
            return message.parts
        kept = [part for part in message.parts if not (isinstance(part, Text) and part.text.startswith(_BILLING))]
        if len(kept) < len(message.parts):
            self._dropped.append(_BILLING)
        return kept

    def _answer(self, message: Message, where: str, items: list[dict[str, Any]]) -> None:
        for part in message.parts:
            if isinstance(part, Text) and part.text:
                self._say(items, {"type": "output_text", "text": part.text})
            elif isinstance(part, Refusal):
                self._say(items, {"type": "refusal", "refusal": part.text})
            elif isinstance(part, ToolCall):
                call = {"type": "function_call", "call_id": self._names.called(part.id)}
                items.append({**call, "name": self._names(part.name), "arguments": part.arguments or "{}"})
            elif isinstance(part, Thinking):
                self._thinking(part, items)
            elif isinstance(part, Opaque | Image | Document | Audio):
                kind = part.value.get("type", "content") if isinstance(part, Opaque) else type(part).__name__.lower()
                self._dropped.append(f"messages.{kind}")

    @staticmethod
    def _say(items: list[dict[str, Any]], part: dict[str, Any]) -> None:
        last = items[-1] if items else {}
        if last.get("role") == "assistant":
            last["content"].append(part)
        else:
            items.append({"type": "message", "role": "assistant", "content": [part]})

    def _thinking(self, part: Thinking, items: list[dict[str, Any]]) -> None:
        if part.origin == FORMAT and part.signature:
            summary = [{"type": "summary_text", "text": part.text}] if part.text else []
            items.append({"type": "reasoning", "summary": summary, "encrypted_content": part.signature})
        elif part.text or part.redacted or part.signature:
            self._dropped.append("thinking")

    def _result(self, result: ToolResult, where: str) -> dict[str, Any]:
        parts: list[Part] = list(result.parts)
        if result.is_error:
            parts.insert(0, Text("Error: the tool call failed."))
        plain = all(isinstance(part, Text) for part in parts)
        output: Any = self._content(parts, where)
        if plain:
            output = "\n".join(part.text for part in parts if isinstance(part, Text))
        return {"type": "function_call_output", "call_id": self._names.answered(result.call_id), "output": output}

    def _content(self, parts: list[Part], where: str) -> list[dict[str, Any]]:
        written = [self._part(part, f"{where}.content[{i}]") for i, part in enumerate(parts)]
        return [part for part in written if part is not None]

    def _part(self, part: Part, where: str) -> dict[str, Any] | None:
        if isinstance(part, Text | Image | Document) and part.cache is not None:
            self._dropped.append("cache_control")
        if isinstance(part, Text):
            return {"type": "input_text", "text": part.text} if part.text else None
        if isinstance(part, Image):
            url = part.url or join_data_url(part.media_type or "image/png", part.data)
            return {"type": "input_image", "image_url": url, "detail": part.detail or "auto"}
        if isinstance(part, Document):
            return _document(part, where)
        if isinstance(part, Audio):
            raise unsupported(where, "audio reaches only openai_chat and gemini_generate providers.")
        if isinstance(part, Opaque):
            kind = part.value.get("type")
            raise unsupported(where, f"content of type {kind!r} reaches only {part.protocol} providers.")
        return None

    # -- tools

    def _tools(self, body: dict[str, Any]) -> None:
        chat = self._chat
        tools = [tool for tool in map(self._tool, chat.tools) if tool is not None]
        if not tools:
            if chat.tool_choice is not None and chat.tool_choice.mode in ("required", "tool"):
                self._dropped.append("tool_choice")
            return
        body["tools"] = tools
        choice = chat.tool_choice
        if choice is not None:
            names = {tool["name"] for tool in tools}
            if choice.mode != "tool" or self._names(choice.name) in names:
                body["tool_choice"] = self._choice(choice)
            else:
                self._dropped.append("tool_choice")
        if chat.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = chat.parallel_tool_calls

    def _tool(self, tool: Tool) -> dict[str, Any] | None:
        if tool.opaque is not None:
            self._dropped.append(f"tools.{tool.name}")
            return None
        if tool.cache is not None:
            self._dropped.append("cache_control")
        self._dropped += left_out_of(tool, FORMAT)
        made, left_out = object_schema(tool.parameters)
        self._dropped += [f"tools.{name}" for name in left_out]
        made.setdefault("properties", {})
        parameters = with_items(made)
        written: dict[str, Any] = {"type": "function", "name": self._names(tool.name), "parameters": parameters}
        if tool.description:
            written["description"] = tool.description
        # Left out, OpenAI takes it for true here, and refuses most schemas for it.
        return {**written, "strict": bool(tool.strict) and is_strict(parameters)}

    def _choice(self, choice: ToolChoice) -> Any:
        return {"type": "function", "name": self._names(choice.name)} if choice.mode == "tool" else choice.mode


def _document(part: Document, where: str) -> dict[str, Any]:
    if part.url:
        return {"type": "input_file", "file_url": part.url}
    text = document_text(part, where)
    if text is not None:
        return {"type": "input_text", "text": text}
    data = join_data_url("application/pdf", part.data)
    return {"type": "input_file", "filename": part.name or "document.pdf", "file_data": data}


def write_request(chat: ChatRequest, max_output_tokens: int | None) -> Encoded:
    """The request, written. ``max_output_tokens``: the model's own limit, where known."""
    return RequestWriter(chat, max_output_tokens).write()
