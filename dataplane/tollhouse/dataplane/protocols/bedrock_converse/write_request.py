"""A neutral request as converse: the turns are Anthropic's, in other words."""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace
from tollhouse.dataplane.chat import ChatRequest, Message, Opaque, Part, Text, Thinking, Tool, ToolCall, ToolResult
from tollhouse.dataplane.protocol import Encoded
from tollhouse.dataplane.protocols._bound import left_out, left_out_of
from tollhouse.dataplane.protocols._effort import effort_of
from tollhouse.dataplane.protocols._fields import unsupported
from tollhouse.dataplane.protocols._generations import ADAPTIVE, UNLED, claude
from tollhouse.dataplane.protocols._in_words import in_words
from tollhouse.dataplane.protocols._names import ToolNames, safe_names
from tollhouse.dataplane.protocols._tool_schema import object_schema
from tollhouse.dataplane.protocols.anthropic_messages.read_request import FORMAT as ANTHROPIC
from tollhouse.dataplane.protocols.anthropic_messages.turns import CONTINUE, TurnWriter
from tollhouse.dataplane.protocols.anthropic_messages.write_request import EFFORTS
from tollhouse.dataplane.protocols.bedrock_converse.told_calls import in_text

FORMAT = "bedrock_converse"
NAME_LIMIT = 64

_FORMATS = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
    "application/pdf": "pdf",
    "text/plain": "txt",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
}
_UNNAMED = re.compile(r"[^a-zA-Z0-9 \-()\[\]]")
_SEE = {"text": "See the document."}
"""Beside documents Bedrock wants a text."""

_BILLING = "x-anthropic-billing-header"
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 32000}
_UNCARRIED = ("frequency_penalty", "presence_penalty", "seed", "logprobs", "top_logprobs")
_IGNORED = ("max_completion_tokens", "stream_options")


def _mark(cache: Any) -> list[dict[str, Any]]:
    """The block that says what is before it is to be cached; for an hour, when that was asked for."""
    if cache is None:
        return []
    hour = {"ttl": "1h"} if isinstance(cache, dict) and cache.get("ttl") == "1h" else {}
    return [{"cachePoint": {"type": "default", **hour}}]


class RequestWriter:
    """Writes one request; used once."""

    def __init__(self, chat: ChatRequest, max_output_tokens: int | None) -> None:
        self._chat = chat
        self._limit = max_output_tokens
        self._names = ToolNames(NAME_LIMIT, NAME_LIMIT, own=False)
        self._dropped: list[str] = []
        self._generation = claude(chat.model)
        self._documents: set[str] = set()

    def write(self) -> Encoded:
        """Raises ClientError naming what cannot be carried and must not be left out."""
        chat = self._chat
        if chat.choices != 1:
            raise unsupported("n", f"Bedrock gives one answer per request, {chat.choices} were asked for.")
        tools = self._offered()
        messages = [self._readable(message) for message in (chat.messages if tools else in_text(chat.messages))]
        system, turns = TurnWriter(self._names, self._dropped, own=False).write(messages)
        system_blocks = [block for one in system for block in self._block(one)]
        if turns[-1]["role"] == "assistant" and self._generation >= UNLED:
            turns.append({"role": "user", "content": CONTINUE})
        body: dict[str, Any] = {"messages": [self._turn(turn) for turn in turns]}
        wanted = chat.response_format
        if wanted is not None and wanted.kind != "text":
            system_blocks.append({"text": in_words(wanted)})  # Converse has no structured output
            self._dropped.append("response_format")
        if system_blocks:
            body["system"] = system_blocks
        config = self._config()
        if config:
            body["inferenceConfig"] = config
        self._tools(body, tools)
        self._thinking(body)
        if chat.user:
            self._dropped.append("user")
        self._dropped += [name for name in _UNCARRIED if getattr(chat, name) not in (None, False)]
        self._dropped += [name for name in left_out(chat, FORMAT) if name not in _IGNORED]
        return Encoded(body, safe_names(self._dropped), self._names.renamed)

    def _readable(self, message: Message) -> Message:
        """Without what only the client's format knows; reasoning Claude signed on Bedrock is read by it again."""
        parts: list[Part] = []
        for part in message.parts:
            if isinstance(part, Thinking) and part.origin == FORMAT:
                parts.append(replace(part, origin=ANTHROPIC))
            elif isinstance(part, Text) and message.role == "system" and part.text.startswith(_BILLING):
                self._dropped.append(_BILLING)
            elif isinstance(part, Text):
                parts.append(replace(part, extra=None))
            elif isinstance(part, ToolResult):
                inner = [replace(one, extra=None) if isinstance(one, Text) else one for one in part.parts]
                parts.append(replace(part, parts=inner))
            elif isinstance(part, Opaque):
                kind = part.value.get("type", "content")
                if message.role != "assistant":
                    raise unsupported("messages", f"content of type {kind!r} reaches only {part.protocol} providers.")
                self._dropped.append(f"messages.{kind}")
            else:
                parts.append(part)
        return Message(message.role, parts, message.name)

    def _turn(self, turn: dict[str, Any]) -> dict[str, Any]:
        content = turn["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        written = [one for block in blocks for one in self._block(block)]
        if any("document" in one for one in written) and not any("text" in one for one in written):
            written.append(_SEE)
        return {"role": turn["role"], "content": written}

    def _block(self, block: dict[str, Any]) -> list[dict[str, Any]]:
        written = self._plain(block)
        return [written, *_mark(block.get("cache_control"))]

    def _plain(self, block: dict[str, Any]) -> dict[str, Any]:
        kind = block["type"]
        if kind == "text":
            return {"text": block["text"]}
        if kind == "tool_use":
            return {"toolUse": {"toolUseId": block["id"], "name": block["name"], "input": block["input"]}}
        if kind == "tool_result":
            return {"toolResult": self._result(block)}
        if kind == "thinking":
            told = {"text": block["thinking"], "signature": block["signature"]}
            return {"reasoningContent": {"reasoningText": told}}
        if kind == "redacted_thinking":
            return {"reasoningContent": {"redactedContent": block["data"]}}
        return self._media(block)

    def _result(self, block: dict[str, Any]) -> dict[str, Any]:
        content = block.get("content", "")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        inner = [self._plain(one) for one in blocks if one.get("text") != ""] or [{"text": "(empty)"}]
        status = {"status": "error"} if block.get("is_error") else {}
        return {"toolUseId": block["tool_use_id"], "content": inner, **status}

    def _media(self, block: dict[str, Any]) -> dict[str, Any]:
        source = block["source"]
        if source["type"] == "text":
            return {"text": f"Document {block.get('title', '')}:\n{source['data']}"}
        if source["type"] != "base64":
            raise unsupported("messages", "images and documents by URL do not reach Bedrock; send the data inline.")
        form = _FORMATS.get(source["media_type"])
        if form is None:
            raise unsupported("messages", f"Bedrock takes no {source['media_type']}.")
        if block["type"] == "image":
            return {"image": {"format": form, "source": {"bytes": source["data"]}}}
        return {"document": {"format": form, "name": self._document(block), "source": {"bytes": source["data"]}}}

    def _document(self, block: dict[str, Any]) -> str:
        """A name Bedrock takes: of few letters, without two blanks at once, and of one document only."""
        first = name = " ".join(_UNNAMED.sub("-", block.get("title") or "").split())[:190] or "document"
        number = 1
        while name.lower() in self._documents:
            number += 1
            name = f"{first}-{number}"
        self._documents.add(name.lower())
        return name

    # -- the rest

    def _config(self) -> dict[str, Any]:
        chat = self._chat
        config: dict[str, Any] = {}
        if chat.max_tokens is not None:
            config["maxTokens"] = chat.max_tokens
            if self._limit is not None and chat.max_tokens > self._limit:
                config["maxTokens"] = self._limit
                self._dropped.append("max_tokens")
        if self._generation >= ADAPTIVE:
            self._dropped += [name for name in ("temperature", "top_p") if getattr(chat, name) is not None]
        else:
            self._sampling(config)
        if chat.top_k is not None:
            self._dropped.append("top_k")
        stops = [stop for stop in chat.stop if stop.strip()]
        if stops:
            config["stopSequences"] = stops
        if len(stops) < len(chat.stop):
            self._dropped.append("stop")
        return config

    def _sampling(self, config: dict[str, Any]) -> None:
        chat = self._chat
        if chat.temperature is not None:
            config["temperature"] = min(chat.temperature, 1)
            if chat.temperature > 1:
                self._dropped.append("temperature")
        is_claude = "claude" in chat.model or "anthropic" in chat.model
        if chat.top_p is not None and (chat.temperature is None or not is_claude):
            config["topP"] = chat.top_p
        elif chat.top_p is not None:
            self._dropped.append("top_p")  # Claude since 4.1 refuses it beside a temperature

    def _offered(self) -> list[dict[str, Any]]:
        """The tools the model may call; none where it must not call any."""
        choice = self._chat.tool_choice
        tools = [written for tool in self._chat.tools for written in self._tool(tool)]
        return [] if choice is not None and choice.mode == "none" else tools

    def _tools(self, body: dict[str, Any], tools: list[dict[str, Any]]) -> None:
        chat = self._chat
        choice = chat.tool_choice
        if not tools:
            if choice is not None and choice.mode in ("required", "tool"):
                self._dropped.append("tool_choice")
            return
        body["toolConfig"] = {"tools": tools}
        if chat.parallel_tool_calls is False:
            self._dropped.append("parallel_tool_calls")
        if choice is None or choice.mode == "auto":
            return
        declared = {tool.name for tool in chat.tools if tool.opaque is None}
        if choice.mode == "required":
            body["toolConfig"]["toolChoice"] = {"any": {}}
        elif choice.name in declared:
            body["toolConfig"]["toolChoice"] = {"tool": {"name": self._names(choice.name)}}
        else:
            self._dropped.append("tool_choice")

    def _tool(self, tool: Tool) -> list[dict[str, Any]]:
        if tool.opaque is not None:
            self._dropped.append(f"tools.{tool.name}")
            return []
        self._dropped += left_out_of(tool, FORMAT)
        schema, left_out = object_schema(tool.parameters)
        self._dropped += [f"tools.{name}" for name in left_out]
        written = [_spec(self._names(tool.name), tool.description, schema)]
        return [*written, *_mark(tool.cache)]

    def _thinking(self, body: dict[str, Any]) -> None:
        """Claude's thinking, which converse takes as a field of the model's own."""
        reasoning = self._chat.reasoning
        if reasoning is None or reasoning.enabled is False or reasoning.effort == "none":
            return
        if "claude" not in self._chat.model:
            self._dropped.append("reasoning_effort")
            return
        budget = reasoning.budget_tokens or _BUDGETS.get(reasoning.effort, _BUDGETS["medium"])
        config = body.setdefault("inferenceConfig", {})
        most = config.setdefault("maxTokens", self._limit or budget + 4096)
        budget = min(budget, most * 3 // 4)
        forced = "toolChoice" in body.get("toolConfig", {})
        last = next((one for one in reversed(self._chat.messages) if one.role in ("assistant", "user")), None)
        if self._generation >= ADAPTIVE and not forced:
            effort = effort_of(reasoning)
            told = {"thinking": {"type": "adaptive"}, "output_config": {"effort": EFFORTS.get(effort, effort)}}
            body["additionalModelRequestFields"] = told
            return
        looping = last is not None and any(isinstance(part, ToolCall) for part in last.parts)
        signed = last is not None and any(isinstance(part, Thinking) and part.origin == FORMAT for part in last.parts)
        if budget < 1024 or forced or (looping and not signed):
            self._dropped.append("reasoning_effort")
            return
        body["additionalModelRequestFields"] = {"thinking": {"type": "enabled", "budget_tokens": budget}}
        for name in ("temperature", "topP"):  # refused by Claude together with thinking
            if config.pop(name, None) is not None:
                self._dropped.append({"topP": "top_p"}.get(name, name))


def _spec(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": name, "inputSchema": {"json": schema}}
    if description:
        spec["description"] = description
    return {"toolSpec": spec}
