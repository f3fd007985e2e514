"""A neutral request as generateContent."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import ChatRequest, Reasoning, Tool
from tollhouse.dataplane.protocol import Encoded
from tollhouse.dataplane.protocols._bound import left_out, left_out_of, some_content
from tollhouse.dataplane.protocols._names import ToolNames, safe_names
from tollhouse.dataplane.protocols.gemini_generate.contents import ContentsWriter
from tollhouse.dataplane.protocols.gemini_generate.fields import FORMAT

NAME_LIMIT = 64
STOP_LIMIT = 5
_MOST_PENALTY = 1.99
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_BUDGETS = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
_IGNORED = ("max_completion_tokens", "stream_options")


class RequestWriter:
    """Writes one request; used once."""

    def __init__(self, chat: ChatRequest, max_output_tokens: int | None) -> None:
        self._chat = chat
        self._limit = max_output_tokens
        self._names = ToolNames(NAME_LIMIT, NAME_LIMIT, own=False, letter_first=True)
        self._dropped: list[str] = []

    def write(self) -> Encoded:
        """Raises ClientError naming what cannot be carried and must not be left out."""
        chat = self._chat
        if FORMAT in chat.extra and chat.original is not None:
            return Encoded(dict(chat.original))
        system, contents = ContentsWriter(self._names, self._dropped, signs="gemini-3" in chat.model).write(
            chat.messages
        )
        body: dict[str, Any] = {"contents": some_content(contents)}
        if system:
            body["systemInstruction"] = {"parts": system}
        self._tools(body)
        config = self._config()
        if config:
            body["generationConfig"] = config
        if chat.user:
            self._dropped.append("user")
        self._dropped += [name for name in left_out(chat, FORMAT) if name not in _IGNORED]
        return Encoded(body, safe_names(self._dropped), self._names.renamed)

    # -- tools

    def _tools(self, body: dict[str, Any]) -> None:
        chat = self._chat
        declared = [tool for tool in map(self._tool, chat.tools) if tool is not None]
        if not declared:
            if chat.tool_choice is not None and chat.tool_choice.mode in ("required", "tool"):
                self._dropped.append("tool_choice")
            return
        body["tools"] = [{"functionDeclarations": declared}]
        choice = chat.tool_choice
        names = {tool.name for tool in chat.tools if tool.opaque is None}
        if choice is not None and choice.mode == "tool" and choice.name not in names:
            self._dropped.append("tool_choice")
        elif choice is not None:
            config: dict[str, Any] = {"mode": "ANY" if choice.mode == "tool" else _MODES[choice.mode]}
            if choice.mode == "tool":
                config["allowedFunctionNames"] = [self._names(choice.name)]
            body["toolConfig"] = {"functionCallingConfig": config}
        if chat.parallel_tool_calls is False:
            self._dropped.append("parallel_tool_calls")

    def _tool(self, tool: Tool) -> dict[str, Any] | None:
        if tool.opaque is not None:
            self._dropped.append(f"tools.{tool.name}")
            return None
        if tool.cache is not None:
            self._dropped.append("cache_control")
        self._dropped += left_out_of(tool, FORMAT)
        written: dict[str, Any] = {"name": self._names(tool.name)}
        if tool.description:
            written["description"] = tool.description
        if tool.parameters:
            written["parametersJsonSchema"] = tool.parameters
        return written

    # -- the rest

    def _config(self) -> dict[str, Any]:
        chat = self._chat
        plain = {
            "temperature": chat.temperature,
            "topP": chat.top_p,
            "topK": chat.top_k,
            "presencePenalty": _below_two(chat.presence_penalty),
            "frequencyPenalty": _below_two(chat.frequency_penalty),
            "seed": chat.seed,
            "responseLogprobs": chat.logprobs,
            "logprobs": chat.top_logprobs,
            "maxOutputTokens": self._max_tokens(),
            "candidateCount": chat.choices if chat.choices != 1 else None,
        }
        config: dict[str, Any] = {name: value for name, value in plain.items() if value is not None}
        if chat.stop:
            config["stopSequences"] = chat.stop[:STOP_LIMIT]
            if len(chat.stop) > STOP_LIMIT:
                self._dropped.append("stop")
        wanted = chat.response_format
        if wanted is not None and wanted.kind != "text":
            config["responseMimeType"] = "application/json"
            if wanted.schema is not None:
                config["responseJsonSchema"] = wanted.schema
        if chat.reasoning is not None:
            thinking = self._thinking(chat.reasoning)
            if thinking:
                config["thinkingConfig"] = thinking
        return config

    def _max_tokens(self) -> int | None:
        asked = self._chat.max_tokens
        if asked is None or self._limit is None or asked <= self._limit:
            return asked
        self._dropped.append("max_tokens")
        return self._limit

    @staticmethod
    def _thinking(reasoning: Reasoning) -> dict[str, Any]:
        if reasoning.enabled is False or reasoning.effort == "none":
            return {"thinkingBudget": 0}
        if reasoning.budget_tokens is not None:
            return {"includeThoughts": True, "thinkingBudget": reasoning.budget_tokens}
        if reasoning.effort:
            return {"includeThoughts": True, "thinkingBudget": _BUDGETS.get(reasoning.effort, -1)}
        return {"includeThoughts": True, "thinkingBudget": -1} if reasoning.adaptive else {}


def _below_two(penalty: float | None) -> float | None:
    """OpenAI's range includes 2, Google's ends before it."""
    return penalty if penalty is None or penalty < _MOST_PENALTY else _MOST_PENALTY


def write_request(chat: ChatRequest, max_output_tokens: int | None) -> Encoded:
    """The request, written. ``max_output_tokens``: the model's own limit, where known."""
    return RequestWriter(chat, max_output_tokens).write()
