"""A neutral request as Anthropic messages."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import ChatRequest, Reasoning, ResponseFormat, Thinking, Tool, ToolCall, ToolResult
from tollhouse.dataplane.protocol import Encoded
from tollhouse.dataplane.protocols._bound import left_out, left_out_of
from tollhouse.dataplane.protocols._effort import effort_of
from tollhouse.dataplane.protocols._fields import unsupported
from tollhouse.dataplane.protocols._generations import ADAPTIVE, UNLED, claude
from tollhouse.dataplane.protocols._in_words import in_words
from tollhouse.dataplane.protocols._names import ToolNames, safe_names, short_identity, unique
from tollhouse.dataplane.protocols._tool_schema import object_schema
from tollhouse.dataplane.protocols.anthropic_messages.read_request import FORMAT
from tollhouse.dataplane.protocols.anthropic_messages.schema import closed_schema, is_expressible
from tollhouse.dataplane.protocols.anthropic_messages.turns import CONTINUE, ID_LIMIT, TurnWriter

NAME_LIMIT = 128
DEFAULT_MAX_TOKENS = 4096
MIN_THINKING = 1024

_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 32000}
"""``reasoning_effort`` -> thinking tokens."""

_WITHDRAWN = {"functions": "tools", "function_call": "tool_choice"}

EFFORTS = {"minimal": "low"}
"""``reasoning_effort`` -> Anthropic's word for it, where that is another."""

_SAMPLING = ("temperature", "top_p", "top_k")
_UNCARRIED = ("frequency_penalty", "presence_penalty", "seed", "logprobs", "top_logprobs")


class RequestWriter:
    """Writes one request; used once."""

    def __init__(self, chat: ChatRequest, max_output_tokens: int | None) -> None:
        self._chat = chat
        self._own = FORMAT in chat.extra
        self._limit = max_output_tokens
        self._adaptive = not self._own and claude(chat.model) >= ADAPTIVE
        self._names = ToolNames(NAME_LIMIT, ID_LIMIT, own=self._own)
        self._dropped: list[str] = []
        self._in_words = self._is_told(chat.response_format)

    def write(self) -> Encoded:
        """Raises ClientError naming what cannot be carried and must not be left out."""
        chat = self._chat
        if chat.choices != 1:
            raise unsupported("n", f"Anthropic's models give one answer per request, {chat.choices} were asked for.")
        system, turns = TurnWriter(self._names, self._dropped, own=self._own).write(chat.messages)
        if turns[-1]["role"] == "assistant" and not self._own and claude(chat.model) >= UNLED:
            turns.append({"role": "user", "content": CONTINUE})
        body: dict[str, Any] = {"model": chat.model, "max_tokens": self._max_tokens(), "messages": turns}
        if self._in_words:
            assert chat.response_format is not None
            system.append({"type": "text", "text": in_words(chat.response_format)})
            self._dropped.append("response_format")
        if system:
            plain = len(system) == 1 and set(system[0]) == {"type", "text"}
            body["system"] = system[0]["text"] if plain else system
        self._tools(body)
        self._sampling(body)
        self._output(body)
        self._thinking(body)
        if chat.stop:
            stops = [stop for stop in chat.stop if self._own or stop.strip()]
            if len(stops) < len(chat.stop):
                self._dropped.append("stop")  # Anthropic refuses stop sequences of blanks only
            if stops:
                body["stop_sequences"] = stops
        if chat.user:
            body["metadata"] = {"user_id": chat.user if self._own else short_identity(chat.user, 256)}
        if chat.stream:
            body["stream"] = True
        self._rest(body)
        return Encoded(body, safe_names(self._dropped), self._names.renamed)

    def _max_tokens(self) -> int:
        """The client's; else the model's limit; else 4096. A client of another format is not refused for asking
        more than the model has."""
        asked = self._chat.max_tokens
        if asked is None:
            return self._limit or DEFAULT_MAX_TOKENS
        if self._limit is not None and asked > self._limit and not self._own:
            self._dropped.append("max_tokens")
            return self._limit
        return asked

    def _sampling(self, body: dict[str, Any]) -> None:
        """Temperature goes 0..2 in OpenAI's format and 0..1 here: what lies above 1 becomes 1."""
        chat = self._chat
        self._dropped += [name for name in _UNCARRIED if getattr(chat, name) not in (None, False)]
        if self._adaptive:
            self._dropped += [name for name in _SAMPLING if getattr(chat, name) is not None]
            return
        if chat.temperature is not None:
            body["temperature"] = min(chat.temperature, 1)
            if chat.temperature > 1:
                self._dropped.append("temperature")
        if chat.top_p is not None and (chat.temperature is None or self._own):
            body["top_p"] = chat.top_p
        elif chat.top_p is not None:
            self._dropped.append("top_p")  # Claude since 4.1 refuses it beside a temperature
        if chat.top_k is not None:
            body["top_k"] = chat.top_k

    # -- tools

    def _tools(self, body: dict[str, Any]) -> None:
        chat = self._chat
        tools = [tool for tool in map(self._tool, chat.tools) if tool is not None]
        called = any(isinstance(part, ToolCall | ToolResult) for message in chat.messages for part in message.parts)
        if not tools and called and not self._own:
            # Anthropic refuses a history with calls in it when no tools are given.
            tools = [{"name": self._names(name), "input_schema": {"type": "object"}} for name in self._called()]
            body["tools"] = tools
            body["tool_choice"] = {"type": "none"}
            return
        if tools:
            body["tools"] = tools
        choice = self._choice({tool.get("name") for tool in tools})
        if choice is None:
            return
        if tools or self._own:
            body["tool_choice"] = choice
        elif choice["type"] != "none":
            self._dropped.append("tool_choice")

    def _called(self) -> list[str]:
        parts = (part for message in self._chat.messages for part in message.parts)
        return unique(part.name for part in parts if isinstance(part, ToolCall)) or ["tool"]

    def _tool(self, tool: Tool) -> dict[str, Any] | None:
        if tool.opaque is not None:
            if tool.opaque.protocol == FORMAT:
                return tool.opaque.value
            self._dropped.append(f"tools.{tool.name}")
            return None
        written: dict[str, Any] = {"name": self._names(tool.name)}
        if tool.description:
            written["description"] = tool.description
        schema = tool.parameters
        if not self._own:
            schema, left_out = object_schema(schema)
            self._dropped += [f"tools.{name}" for name in left_out]
        written["input_schema"] = schema if schema is not None else {"type": "object"}
        if tool.strict and (self._own or written["input_schema"].get("additionalProperties") is False):
            written["strict"] = True
        elif tool.strict is not None and self._own:
            written["strict"] = tool.strict
        if tool.cache is not None:
            written["cache_control"] = tool.cache
        written.update((tool.extra or {}).get(FORMAT, {}))
        self._dropped += left_out_of(tool, FORMAT)
        return written

    def _choice(self, names: set[Any]) -> dict[str, Any] | None:
        chat = self._chat
        single = chat.parallel_tool_calls is False
        choice = chat.tool_choice
        if choice is None:
            return {"type": "auto", "disable_parallel_tool_use": True} if single and names else None
        written: dict[str, Any]
        if choice.mode == "tool":
            sent = self._names(choice.name)
            if sent not in names and not self._own:
                self._dropped.append("tool_choice")
                return None
            written = {"type": "tool", "name": sent}
        else:
            written = {"type": "any" if choice.mode == "required" else choice.mode}
        if chat.parallel_tool_calls is not None and choice.mode != "none" and (single or self._own):
            written["disable_parallel_tool_use"] = single
        return written

    # -- output and thinking

    def _is_told(self, wanted: ResponseFormat | None) -> bool:
        """Whether structured output is wanted that this format has no field for."""
        if wanted is None or wanted.kind == "text":
            return False
        if wanted.kind == "json_object" or wanted.schema is None:
            return True
        return not self._own and not is_expressible(wanted.schema)

    def _output(self, body: dict[str, Any]) -> None:
        wanted = self._chat.response_format
        if wanted is None or wanted.kind != "json_schema" or wanted.schema is None or self._in_words:
            return
        schema = wanted.schema
        if not self._own:
            schema, left_out = closed_schema(schema)
            self._dropped += [f"response_format.{name}" for name in left_out]
        body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}

    def _thinking(self, body: dict[str, Any]) -> None:
        reasoning = self._chat.reasoning
        if reasoning is None:
            return
        if self._own:
            self._own_thinking(body, reasoning)
            return
        if reasoning.effort == "none" or reasoning.enabled is False:
            return
        wanted = reasoning.budget_tokens or _BUDGETS.get(reasoning.effort, _BUDGETS["medium"])
        if self._chat.max_tokens is None and self._limit is None:
            body["max_tokens"] = DEFAULT_MAX_TOKENS + wanted
        budget = min(wanted, body["max_tokens"] * 3 // 4)
        forced = body.get("tool_choice", {}).get("type") in ("any", "tool")
        if self._adaptive and not forced:
            effort = effort_of(reasoning)
            body["thinking"] = {"type": "adaptive"}
            body.setdefault("output_config", {})["effort"] = EFFORTS.get(effort, effort)
            return
        if budget < MIN_THINKING or forced or self._in_tool_loop():
            self._dropped.append("reasoning_effort")
            return
        body["thinking"] = {"type": "enabled", "budget_tokens": budget}
        for name in ("temperature", "top_k", "top_p"):  # refused by Anthropic together with thinking
            if body.pop(name, None) is not None:
                self._dropped.append(name)

    @staticmethod
    def _own_thinking(body: dict[str, Any], reasoning: Reasoning) -> None:
        if reasoning.effort:
            body.setdefault("output_config", {})["effort"] = reasoning.effort
        if reasoning.adaptive:
            body["thinking"] = {"type": "adaptive"}
        elif reasoning.budget_tokens is not None:
            body["thinking"] = {"type": "enabled", "budget_tokens": reasoning.budget_tokens}
        elif reasoning.enabled is False:
            body["thinking"] = {"type": "disabled"}

    def _in_tool_loop(self) -> bool:
        """Whether the model is in the middle of calls without the signed thinking they began with, which Anthropic
        wants then and few clients of other formats bring back."""
        for message in reversed(self._chat.messages):
            if message.role == "assistant":
                signed = any(isinstance(part, Thinking) and part.origin == FORMAT for part in message.parts)
                return not signed and any(isinstance(part, ToolCall) for part in message.parts)
            if message.role == "user":
                return False
        return False

    def _rest(self, body: dict[str, Any]) -> None:
        for name in left_out(self._chat, FORMAT):
            if name in _WITHDRAWN:
                raise unsupported(name, f"OpenAI withdrew it and Anthropic has none; use {_WITHDRAWN[name]}.")
            if name not in ("max_completion_tokens", "stream_options"):
                self._dropped.append(name)
        for name, value in self._chat.extra.get(FORMAT, {}).items():
            if name in ("metadata", "output_config", "thinking"):
                body[name] = {**body.get(name, {}), **value}
            else:
                body[name] = value


def write_request(chat: ChatRequest, max_output_tokens: int | None) -> Encoded:
    """The request, written. ``max_output_tokens``: the model's own limit, where known."""
    return RequestWriter(chat, max_output_tokens).write()
