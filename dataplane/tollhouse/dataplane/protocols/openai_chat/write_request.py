"""A neutral request as chat completions."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import ChatRequest, Tool, ToolChoice
from tollhouse.dataplane.protocol import Encoded
from tollhouse.dataplane.protocols._bound import left_out, left_out_of, shared
from tollhouse.dataplane.protocols._effort import effort_for, effort_of
from tollhouse.dataplane.protocols._freeform import freeform_names
from tollhouse.dataplane.protocols._generations import is_reasoner, refused_by_reasoners
from tollhouse.dataplane.protocols._in_words import behind_system
from tollhouse.dataplane.protocols._names import ToolNames, safe_names, short_identity
from tollhouse.dataplane.protocols._tool_schema import object_schema, with_items
from tollhouse.dataplane.protocols.openai_chat.messages_out import MessageWriter
from tollhouse.dataplane.protocols.openai_chat.read_request import FORMAT
from tollhouse.dataplane.protocols.openai_chat.structured import for_openai, is_strict, write_response_format

NAME_LIMIT = 64
ID_LIMIT = 64
STOP_LIMIT = 4

_SAMPLING = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "logprobs", "top_logprobs")


class RequestWriter:
    """Writes one request; used once."""

    def __init__(self, chat: ChatRequest, max_output_tokens: int | None) -> None:
        self._chat = chat
        self._own = FORMAT in chat.extra
        self._freeform = freeform_names(chat)
        self._limit = max_output_tokens
        self._names = ToolNames(NAME_LIMIT, ID_LIMIT, own=self._own)
        self._dropped: list[str] = []
        self._messages = MessageWriter(chat, self._names, self._dropped)

    def write(self) -> Encoded:
        """Raises ClientError naming what cannot be carried and must not be left out."""
        chat = self._chat
        body: dict[str, Any] = {"model": chat.model, "messages": self._messages.write(chat.messages)}
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
        return self._messages.marked({"type": "function", "function": function}, tool.cache)

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


def write_request(chat: ChatRequest, max_output_tokens: int | None) -> Encoded:
    """The request, written. ``max_output_tokens``: the model's own limit, where known."""
    return RequestWriter(chat, max_output_tokens).write()
