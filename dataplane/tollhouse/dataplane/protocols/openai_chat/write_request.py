"""A neutral request as chat completions."""

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
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from tollhouse.dataplane.protocol import Encoded
from tollhouse.dataplane.protocols._bound import left_out, left_out_of, shared, some_content
from tollhouse.dataplane.protocols._effort import effort_for, effort_of
from tollhouse.dataplane.protocols._fields import unsupported
from tollhouse.dataplane.protocols._freeform import freeform_names, input_of
from tollhouse.dataplane.protocols._generations import is_reasoner, refused_by_reasoners
from tollhouse.dataplane.protocols._in_words import behind_system
from tollhouse.dataplane.protocols._media import document_text, join_data_url, told_and_shown
from tollhouse.dataplane.protocols._names import ToolNames, safe_names, short_identity
from tollhouse.dataplane.protocols._tool_schema import object_schema, with_items
from tollhouse.dataplane.protocols.openai_chat.read_request import FORMAT
from tollhouse.dataplane.protocols.openai_chat.structured import for_openai, is_strict, write_response_format

NAME_LIMIT = 64
ID_LIMIT = 64
STOP_LIMIT = 4

_SAMPLING = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "logprobs", "top_logprobs")
_BILLING = "x-anthropic-billing-header"
"""Claude Code's first system block: meant for Anthropic's billing, and different in every request."""


class RequestWriter:
    """Writes one request; used once."""

    def __init__(self, chat: ChatRequest, max_output_tokens: int | None) -> None:
        self._chat = chat
        self._own = FORMAT in chat.extra
        self._freeform = freeform_names(chat)
        self._limit = max_output_tokens
        self._names = ToolNames(NAME_LIMIT, ID_LIMIT, own=self._own)
        self._dropped: list[str] = []

    def write(self) -> Encoded:
        """Raises ClientError naming what cannot be carried and must not be left out."""
        chat = self._chat
        body: dict[str, Any] = {"model": chat.model, "messages": self._messages()}
        self._tools(body)
        self._limits(body)
        for name in _SAMPLING:
            value = getattr(chat, name)
            if value is not None:
                body[name] = value
        if not self._own and is_reasoner(chat.model):
            self._dropped += refused_by_reasoners(body)
        if chat.top_k is not None:
            self._dropped.append("top_k")
        if chat.choices != 1:
            body["n"] = chat.choices
        self._format(body)
        effort = effort_of(chat.reasoning) if self._own else effort_for(chat.reasoning, chat.model)
        if effort:
            body["reasoning_effort"] = effort
        if chat.user:
            body["user"] = chat.user if self._own else short_identity(chat.user, 64)
        body.update(chat.extra.get(FORMAT) or shared(chat, FORMAT))
        if chat.stream:
            body["stream"] = True
            body["stream_options"] = {**body.get("stream_options", {}), "include_usage": True}
        self._dropped += left_out(chat, FORMAT)
        return Encoded(body, safe_names(self._dropped), self._names.renamed)

    def _format(self, body: dict[str, Any]) -> None:
        wanted = self._chat.response_format
        if wanted is None:
            return
        form, told = (wanted, "") if self._own else for_openai(wanted, body["messages"])
        if told:
            behind_system(body["messages"], {"role": "system", "content": told})
        if form is None:
            self._dropped.append("response_format")
        else:
            body["response_format"] = write_response_format(form)

    # -- messages

    def _messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        late: list[dict[str, Any]] = []
        waiting: set[str] = set()
        for position, message in enumerate(self._chat.messages):
            where = f"messages[{position}]"
            if message.role == "tool":
                for part in message.parts:
                    if isinstance(part, ToolResult):
                        waiting.discard(part.call_id)
                        self._tool_result(part, messages, late)
                if not waiting:
                    messages += late
                    late = []
                continue
            written = self._written(message, where)
            if not written:
                continue
            if waiting and message.role != "assistant":
                late += written  # nothing may stand between a call and its result
                continue
            messages += [*late, *written]
            late = []
            waiting = _called(message)
        return some_content(messages + late)

    def _written(self, message: Message, where: str) -> list[dict[str, Any]]:
        """Any message but results. What the system shows in pictures, a user message shows here."""
        if message.role == "assistant":
            made = [self._assistant(message)]
        elif message.role == "user" or self._own:
            made = [self._told(message, where)]
        else:
            told, shown = told_and_shown(message.parts)
            made = [self._told(Message(message.role, told, message.name), where)]
            if shown:
                made.append({"role": "user", "content": self._content(shown, where)})
        return [one for one in made if one is not None]

    def _told(self, message: Message, where: str) -> dict[str, Any] | None:
        """A system, developer or user message."""
        parts = message.parts
        if message.role == "system" and not self._own:
            parts = [part for part in parts if not (isinstance(part, Text) and part.text.startswith(_BILLING))]
            if len(parts) < len(message.parts):
                self._dropped.append(_BILLING)
        content = self._content(parts, where)
        if content is None:
            return None
        # Only OpenAI itself knows the role 'developer', and takes 'system' for it.
        role = message.role if self._own or message.role != "developer" else "system"
        written: dict[str, Any] = {"role": role, "content": content}
        if message.name:
            written["name"] = message.name
        return written

    def _assistant(self, message: Message) -> dict[str, Any] | None:
        calls: list[dict[str, Any]] = []
        refusal = ""
        thought = ""
        shown: list[Part] = []
        audio: Any = None
        for part in message.parts:
            if isinstance(part, ToolCall):
                calls.append(self._call(part))
            elif isinstance(part, Refusal):
                refusal += part.text
            elif isinstance(part, Thinking):
                if self._own or (self._chat.keeps_thoughts and not part.signature):
                    thought += part.text
                elif part.text or part.redacted or part.signature:
                    self._dropped.append("thinking")
            elif isinstance(part, Opaque):
                if part.protocol != FORMAT:
                    self._dropped.append(f"messages.{part.value.get('type', 'content')}")
                elif "tool_call" in part.value:
                    calls.append(part.value["tool_call"])
                else:
                    audio = part.value.get("audio")
            elif isinstance(part, Image | Document | Audio):  # this format has no place for them in an answer
                self._dropped.append(f"messages.{type(part).__name__.lower()}")
            else:
                shown.append(part)
        content = self._content(shown, "messages")
        if content is None and not calls and not refusal and audio is None:
            return None
        written: dict[str, Any] = {"role": "assistant", "content": content}
        if message.name:
            written["name"] = message.name
        if thought or (calls and self._chat.keeps_thoughts):
            written["reasoning_content"] = thought
        if refusal:
            written["refusal"] = refusal
        if calls:
            written["tool_calls"] = calls
        if audio is not None:
            written["audio"] = audio
        return written

    def _call(self, call: ToolCall) -> dict[str, Any]:
        id = self._names.call_id(call.id)
        if self._own and call.name in self._freeform:
            custom = {"name": call.name, "input": input_of(call.arguments)}
            return {"id": id, "type": "custom", "custom": custom}
        function = {"name": self._names(call.name), "arguments": call.arguments or "{}"}
        return {"id": id, "type": "function", "function": function}

    def _tool_result(self, result: ToolResult, messages: list[dict[str, Any]], late: list[dict[str, Any]]) -> None:
        """A tool message, and what tool messages cannot hold in a user message after the last of them."""
        texts: list[Part] = [part for part in result.parts if isinstance(part, Text)]
        media: list[Part] = [part for part in result.parts if not isinstance(part, Text)]
        if media:
            texts.append(Text(f"[{len(media)} image(s) or document(s) of this result follow in the next user message]"))
        if result.is_error:
            texts.insert(0, Text("Error: the tool call failed."))
        content = self._content(texts, "messages")
        call_id = self._names.call_id(result.call_id)
        messages.append({"role": "tool", "tool_call_id": call_id, "content": "" if content is None else content})
        if media:
            shown = self._content([Text(f"Result of tool call {call_id}:"), *media], "messages")
            late.append({"role": "user", "content": shown})

    def _content(self, parts: list[Part], where: str) -> str | list[dict[str, Any]] | None:
        plain = all(isinstance(part, Text) and not part.cache and not _own_fields(part) for part in parts)
        if plain and len(parts) <= 1:
            return parts[0].text if parts and isinstance(parts[0], Text) else None
        written = [self._part(part, f"{where}.content[{i}]") for i, part in enumerate(parts)]
        return [part for part in written if part is not None]

    def _part(self, part: Part, where: str) -> dict[str, Any] | None:
        if isinstance(part, Text):
            return self._marked({"type": "text", "text": part.text, **_own_fields(part)}, part.cache)
        if isinstance(part, Image):
            image = {"url": part.url or join_data_url(part.media_type or "image/png", part.data)}
            if part.detail:
                image["detail"] = part.detail
            return self._marked({"type": "image_url", "image_url": image}, part.cache)
        if isinstance(part, Document):
            return self._marked(_document(part, where, own=self._own), part.cache)
        if isinstance(part, Audio):
            return {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}}
        if isinstance(part, Opaque):
            if part.protocol == FORMAT:
                return part.value
            raise unsupported(
                where, f"content of type {part.value.get('type')!r} reaches only {part.protocol} providers."
            )
        return None

    def _marked(self, written: dict[str, Any], cache: dict[str, Any] | None) -> dict[str, Any]:
        if cache is not None:
            if self._own:
                written["cache_control"] = cache
            else:
                self._dropped.append("cache_control")
        return written

    # -- the rest

    def _tools(self, body: dict[str, Any]) -> None:
        chat = self._chat
        tools = [tool for tool in map(self._tool, chat.tools) if tool is not None]
        if tools:
            body["tools"] = tools
        names = {tool.name for tool in chat.tools if tool.opaque is None or tool.opaque.protocol == FORMAT}
        choice = chat.tool_choice
        if choice is not None and "tool_choice" not in chat.extra.get(FORMAT, {}):
            if tools and (choice.mode != "tool" or choice.name in names or self._own):
                body["tool_choice"] = self._choice(choice)
            elif choice.mode != "none":
                self._dropped.append("tool_choice")
        if chat.parallel_tool_calls is not None and tools:
            body["parallel_tool_calls"] = chat.parallel_tool_calls

    def _tool(self, tool: Tool) -> dict[str, Any] | None:
        if tool.opaque is not None:
            if tool.opaque.protocol == FORMAT:
                return tool.opaque.value
            self._dropped.append(f"tools.{tool.name}")
            return None
        custom = (tool.extra or {}).get(FORMAT, {}).get("custom")
        if custom is not None:
            return {"type": "custom", "custom": custom}
        function: dict[str, Any] = {"name": self._names(tool.name)}
        if tool.description:
            function["description"] = tool.description
        if tool.parameters is not None:
            function["parameters"] = tool.parameters if self._own else self._parameters(tool.parameters)
        if tool.strict is not None:
            function["strict"] = tool.strict and (self._own or is_strict(function.get("parameters")))
        self._dropped += left_out_of(tool, FORMAT)
        return self._marked({"type": "function", "function": function}, tool.cache)

    def _parameters(self, schema: dict[str, Any]) -> dict[str, Any]:
        """OpenAI wants ``properties`` in an object schema; Anthropic's clients leave it out when there are none."""
        made, left_out = object_schema(schema)
        self._dropped += [f"tools.{name}" for name in left_out]
        made.setdefault("properties", {})
        parameters: dict[str, Any] = with_items(made)
        return parameters

    def _choice(self, choice: ToolChoice) -> Any:
        if choice.mode == "tool" and self._own and choice.name in self._freeform:
            return {"type": "custom", "custom": {"name": choice.name}}
        if choice.mode == "tool":
            return {"type": "function", "function": {"name": self._names(choice.name)}}
        return choice.mode

    def _limits(self, body: dict[str, Any]) -> None:
        chat = self._chat
        if chat.max_tokens is not None and "max_completion_tokens" not in chat.extra.get(FORMAT, {}):
            body["max_tokens"] = chat.max_tokens
            if self._limit is not None and chat.max_tokens > self._limit and not self._own:
                body["max_tokens"] = self._limit
                self._dropped.append("max_tokens")
        if chat.stop:
            body["stop"] = chat.stop[0] if self._own and len(chat.stop) == 1 else chat.stop
            if len(chat.stop) > STOP_LIMIT and not self._own:
                body["stop"] = chat.stop[:STOP_LIMIT]
                self._dropped.append("stop_sequences")


def _called(message: Message) -> set[str]:
    return {part.id for part in message.parts if isinstance(part, ToolCall)}


def _own_fields(text: Text) -> dict[str, Any]:
    return (text.extra or {}).get(FORMAT) or {}


def _document(part: Document, where: str, *, own: bool) -> dict[str, Any]:
    if part.url:
        raise unsupported(where, "a document by URL reaches only anthropic_messages providers; send its data inline.")
    text = None if own and not part.text else document_text(part, where)
    if text is not None:
        return {"type": "text", "text": text}
    file = {"file_data": join_data_url(part.media_type or "application/pdf", part.data)}
    file["filename"] = part.name or "document.pdf"
    return {"type": "file", "file": file}


def write_request(chat: ChatRequest, max_output_tokens: int | None) -> Encoded:
    """The request, written. ``max_output_tokens``: the model's own limit, where known."""
    return RequestWriter(chat, max_output_tokens).write()
