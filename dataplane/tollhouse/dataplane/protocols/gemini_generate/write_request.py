"""A neutral request as generateContent."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.dataplane.chat import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from tollhouse.dataplane.protocol import Encoded
from tollhouse.dataplane.protocols._bound import left_out, left_out_of, some_content
from tollhouse.dataplane.protocols._fields import unsupported
from tollhouse.dataplane.protocols._media import text_of
from tollhouse.dataplane.protocols._names import ToolNames, safe_names
from tollhouse.dataplane.protocols.gemini_generate.fields import FORMAT

NAME_LIMIT = 64
STOP_LIMIT = 5
UNSIGNED = "skip_thought_signature_validator"
"""What Google's documentation gives for calls another model made: Gemini 3 refuses calls without a signature."""

_MOST_PENALTY = 1.99
_BILLING = "x-anthropic-billing-header"
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
        self._called: dict[str, str] = {}
        self._signs = "gemini-3" in chat.model

    def write(self) -> Encoded:
        """Raises ClientError naming what cannot be carried and must not be left out."""
        chat = self._chat
        if FORMAT in chat.extra and chat.original is not None:
            return Encoded(dict(chat.original))
        system, contents = self._contents()
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

    # -- contents

    def _contents(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        system: list[dict[str, Any]] = []
        contents: list[dict[str, Any]] = []
        held: list[dict[str, Any]] = []
        leading = True
        for position, message in enumerate(self._chat.messages):
            where = f"messages[{position}]"
            if message.role in ("system", "developer"):
                texts = self._told(message)
                if leading:
                    system += [{"text": text} for text in texts]
                else:
                    told = [{"text": f"<system>\n{text}\n</system>"} for text in texts]
                    if contents and any("functionCall" in part for part in contents[-1]["parts"]):
                        held += told  # nothing may stand between calls and their results
                    else:
                        self._add(contents, "user", told)
                continue
            leading = False
            if message.role == "assistant":
                self._add(contents, "model", self._answer(message.parts))
            elif message.role == "tool":
                self._results(message, contents, where)
            else:
                self._add(contents, "user", self._parts(message.parts, where))
            if held and message.role != "assistant":
                self._add(contents, "user", held)
                held = []
        if not contents and system:
            contents = [{"role": "user", "parts": [system.pop()]}]
        return system, contents

    def _told(self, message: Message) -> list[str]:
        texts = [part.text for part in message.parts if isinstance(part, Text) and part.text]
        kept = [text for text in texts if not text.startswith(_BILLING)]
        if len(kept) < len(texts):
            self._dropped.append(_BILLING)
        if any(isinstance(part, Text) and part.cache for part in message.parts):
            self._dropped.append("cache_control")
        return kept

    @staticmethod
    def _add(contents: list[dict[str, Any]], role: str, parts: list[dict[str, Any]]) -> None:
        if not parts:
            return
        last = contents[-1] if contents else None
        if last is not None and last["role"] == role and "functionResponse" not in last["parts"][0]:
            last["parts"] += parts
        else:
            contents.append({"role": role, "parts": parts})

    def _answer(self, parts: list[Part]) -> list[dict[str, Any]]:
        written: list[dict[str, Any]] = []
        signature = ""
        for part in parts:
            if isinstance(part, Thinking):
                if part.origin == FORMAT and part.signature:
                    signature = part.signature
                elif part.text or part.redacted:
                    self._dropped.append("thinking")
            elif isinstance(part, Text | Refusal):
                if part.text:
                    written.append({"text": part.text})
            elif isinstance(part, ToolCall):
                written.append(self._call(part, signature))
                signature = ""
            else:
                kind = part.value.get("type", "content") if isinstance(part, Opaque) else type(part).__name__.lower()
                self._dropped.append(f"messages.{kind}")
        if signature and written:
            written[-1]["thoughtSignature"] = signature
        return written

    def _call(self, call: ToolCall, signature: str) -> dict[str, Any]:
        try:
            arguments = msgspec.json.decode(call.arguments or "{}")
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            # The model wrote it so; it must see its own mistake again, not an empty call.
            arguments = {"__invalid_json": call.arguments}
        name = self._called[call.id] = self._names(call.name)
        id = self._names.call_id(call.id)
        arguments = arguments if isinstance(arguments, dict) else {"__value": arguments}
        written: dict[str, Any] = {"functionCall": {"id": id, "name": name, "args": arguments}}
        if signature or self._signs:
            written["thoughtSignature"] = signature or UNSIGNED
        return written

    def _results(self, message: Message, contents: list[dict[str, Any]], where: str) -> None:
        """Results first and together; images of theirs in a content after it."""
        results: list[dict[str, Any]] = []
        media: list[Part] = []
        for part in message.parts:
            if not isinstance(part, ToolResult):
                continue
            text = "\n".join(inner.text for inner in part.parts if isinstance(inner, Text))
            media += [inner for inner in part.parts if not isinstance(inner, Text)]
            response = {
                "id": self._names.call_id(part.call_id),
                "name": self._called.get(part.call_id, "tool"),
                "response": {"error" if part.is_error else "output": text},
            }
            results.append({"functionResponse": response})
        last = contents[-1] if contents else None
        if last is not None and last["role"] == "user" and "functionResponse" in last["parts"][0]:
            last["parts"] += results
        elif results:
            contents.append({"role": "user", "parts": results})
        self._add(contents, "user", self._parts(media, where))

    def _parts(self, parts: list[Part], where: str) -> list[dict[str, Any]]:
        written = [self._part(part, f"{where}.content[{i}]") for i, part in enumerate(parts)]
        return [part for part in written if part is not None]

    def _part(self, part: Part, where: str) -> dict[str, Any] | None:
        if isinstance(part, Text | Image | Document) and part.cache is not None:
            self._dropped.append("cache_control")
        if isinstance(part, Text):
            return {"text": part.text} if part.text else None
        if isinstance(part, Image):
            if part.url:
                return {"fileData": {"mimeType": part.media_type or _guess(part.url), "fileUri": part.url}}
            return {"inlineData": {"mimeType": part.media_type or "image/png", "data": part.data}}
        if isinstance(part, Audio):
            return {"inlineData": {"mimeType": f"audio/{part.format}", "data": part.data}}
        if isinstance(part, Document):
            return _document(part, where)
        if isinstance(part, Opaque):
            kind = part.value.get("type")
            raise unsupported(where, f"content of type {kind!r} reaches only {part.protocol} providers.")
        return None

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


def _document(part: Document, where: str) -> dict[str, Any]:
    if part.url:
        return {"fileData": {"mimeType": part.media_type or "application/pdf", "fileUri": part.url}}
    if part.text:
        title = f"Document {part.name}:\n" if part.name else "Document:\n"
        return {"text": title + part.text}
    if part.media_type.startswith("text/"):
        return {"text": text_of(part.data, f"{where}.file_data")}
    return {"inlineData": {"mimeType": part.media_type or "application/pdf", "data": part.data}}


def _guess(url: str) -> str:
    """An image's type by its address: Google must be told one."""
    ending = url.split("?")[0].rsplit(".", 1)[-1].lower()
    return {"jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif"}.get(
        ending, "image/png"
    )


def write_request(chat: ChatRequest, max_output_tokens: int | None) -> Encoded:
    """The request, written. ``max_output_tokens``: the model's own limit, where known."""
    return RequestWriter(chat, max_output_tokens).write()
