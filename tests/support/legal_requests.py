"""Requests made at random of what each format allows, odd corners first: clients' requests nobody thought of."""

from __future__ import annotations

import base64
from collections.abc import Callable
from random import Random
from typing import Any

from tests.support.agents import PNG

PICTURE = base64.b64encode(PNG).decode()
URL = "data:image/png;base64," + PICTURE
TEXTS = ("hi", " ", "", "a\u2028b", "as json", "<system>", "é\U0001f600", "\u0000z")
ARGUMENTS = ("{}", '{"a":"x"}', "", "{oops", "[1]")
NAMES = ("f", "get_weather", "a" * 64, "x-y_z", "A1")
MODELS = ("gpt-4o", "o3", "gpt-5", "claude-sonnet-4-5", "claude-opus-4-7", "gemini-2.5-flash", "gemini-3-pro")
CLOSED = {
    "type": "object",
    "properties": {"a": {"type": ["string", "null"], "enum": ["x", None]}},
    "required": ["a"],
    "additionalProperties": False,
}
SCHEMAS: tuple[dict[str, Any], ...] = (
    CLOSED,
    {"type": "object", "properties": {}, "$schema": "x"},
    {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 1}]}}},
    {"type": "object", "properties": {}, "additionalProperties": {"type": "integer"}},
    {"type": "object", "properties": {"a": {"$ref": "#"}}},
    {"type": "object", "properties": {"a": {"type": "array", "items": CLOSED, "maxItems": 3}}},
)


class Maker:
    """Makes requests; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._calls = 0

    def make(self, client: str) -> dict[str, Any]:
        """A request of one format."""
        makers: dict[str, Callable[[], dict[str, Any]]] = {
            "openai_chat": self._chat,
            "anthropic_messages": self._messages,
            "openai_responses": self._responses,
            "gemini_generate": self._gemini,
        }
        return {"model": self._pick(MODELS), **makers[client]()}

    def _pick(self, values: Any) -> Any:
        return self._random.choice(values)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _some(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in fields.items() if self._chance(0.15)}

    def _names(self) -> list[str]:
        return self._random.sample(NAMES, self._random.randint(0, 3))

    def _ids(self, most: int) -> list[str]:
        self._calls += 1
        return [f"call_{self._calls}_{number}" for number in range(self._random.randint(1, most))]

    def _shuffled(self, values: list[Any]) -> list[Any]:
        return self._random.sample(values, len(values))

    # -- chat completions

    def _chat(self) -> dict[str, Any]:
        names = self._names()
        messages: list[Any] = []
        for _ in range(self._random.randint(1, 4)):
            messages += self._pick(
                [self._chat_user, self._chat_user, lambda: self._chat_calls(names), self._chat_said]
            )()
        body: dict[str, Any] = {"messages": messages}
        if names:
            functions = [{"name": name, "parameters": self._pick(SCHEMAS)} for name in names]
            body["tools"] = [{"type": "function", "function": one} for one in functions]
            forced = {"type": "function", "function": {"name": names[0]}}
            choices = ["auto", "none", "required", forced]
            body |= self._some({"tool_choice": self._pick(choices), "parallel_tool_calls": False})
        schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": self._pick(SCHEMAS)}}
        return body | self._some(
            {
                "temperature": self._pick([0, 1.7]),
                "top_p": 0.1,
                "max_tokens": self._pick([1, 100000]),
                "n": 2,
                "stop": self._pick(["x", ["a", " "], []]),
                "seed": 3,
                "frequency_penalty": -2,
                "user": "u" * 70,
                "reasoning_effort": self._pick(["low", "high"]),
                "response_format": self._pick([schema]),
                "stream": True,
                "verbosity": "low",
                "service_tier": "auto",
                "metadata": {"a": "b"},
            }
        )

    def _chat_user(self) -> list[Any]:
        parts = [
            {"type": "text", "text": self._pick(TEXTS)},
            {"type": "image_url", "image_url": {"url": self._pick([URL, "https://x.example/a"])}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PICTURE}"}},
            {"type": "input_audio", "input_audio": {"data": PICTURE, "format": "wav"}},
        ]
        content = self._random.sample(parts, self._random.randint(1, 2)) if self._chance(0.6) else self._pick(TEXTS)
        return [{"role": "user", "content": content}]

    def _chat_calls(self, names: list[str]) -> list[Any]:
        if not names:
            return [{"role": self._pick(["system", "developer"]), "content": self._pick(TEXTS)}]
        calls = [
            {"id": id, "type": "function", "function": {"name": self._pick(names), "arguments": self._pick(ARGUMENTS)}}
            for id in self._ids(3)
        ]
        told = [{"role": "tool", "tool_call_id": call["id"], "content": self._pick(TEXTS)} for call in calls]
        return [
            {"role": "assistant", "content": self._pick([None, "", "I look."]), "tool_calls": calls},
            *self._shuffled(told),
        ]

    def _chat_said(self) -> list[Any]:
        return [self._pick([{"role": "assistant", "content": self._pick(TEXTS)}, {"role": "system", "content": "s"}])]

    # -- messages

    def _messages(self) -> dict[str, Any]:
        names = self._names()
        turns: list[Any] = []
        open_ids: list[str] = []
        for _ in range(self._random.randint(0, 3)):
            turns.append({"role": "user", "content": self._shown(open_ids)})
            said: list[Any] = [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}] if self._chance(0.3) else []
            said.append({"type": "text", "text": "said"})
            open_ids = self._ids(2) if names and self._chance(0.6) else []
            said += [{"type": "tool_use", "id": id, "name": self._pick(names), "input": {}} for id in open_ids]
            turns.append({"role": "assistant", "content": said})
        turns.append({"role": "user", "content": self._shown(open_ids)})
        body: dict[str, Any] = {"messages": turns, "max_tokens": self._pick([1, 64000])}
        if names:
            mark = self._some({"cache_control": {"type": "ephemeral"}})
            body["tools"] = [{"name": name, "input_schema": self._pick(SCHEMAS), **mark} for name in names]
            forced = {"type": "tool", "name": names[0], "disable_parallel_tool_use": True}
            body |= self._some({"tool_choice": self._pick([{"type": "any"}, {"type": "none"}, forced])})
        cached = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
        thinking = self._pick([{"type": "enabled", "budget_tokens": 2000}, {"type": "disabled"}])
        return body | self._some(
            {
                "system": self._pick(["sys", [cached]]),
                "top_k": 4,
                "stop_sequences": ["a"],
                "thinking": thinking,
                "stream": True,
                "metadata": {"user_id": "u"},
                "output_config": {"format": {"type": "json_schema", "schema": CLOSED}},
            }
        )

    def _shown(self, open_ids: list[str]) -> list[Any]:
        picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}
        more: list[dict[str, Any]] = [
            {},
            {"content": self._pick(TEXTS)},
            {"content": [{"type": "text", "text": "x"}, picture]},
            {"content": [], "is_error": True},
        ]
        results = [{"type": "tool_result", "tool_use_id": id, **self._pick(more)} for id in open_ids]
        document = {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "d"},
            "title": "t/x",
        }
        return [*self._shuffled(results), self._pick([{"type": "text", "text": "x"}, picture, document])]

    # -- responses

    def _responses(self) -> dict[str, Any]:
        items: list[Any] = []
        for _ in range(self._random.randint(1, 4)):
            items += self._pick([self._told, self._told, self._responses_calls, self._responses_said])()
        tools = [
            self._pick(
                [
                    {"type": "function", "name": name, "parameters": self._pick(SCHEMAS), "strict": False},
                    {"type": "custom", "name": name, "format": {"type": "text"}},
                    {
                        "type": "namespace",
                        "name": "ns",
                        "description": "d",
                        "tools": [{"type": "function", "name": name, "parameters": CLOSED, "strict": False}],
                    },
                ]
            )
            for name in self._names()
        ]
        return {"input": items} | self._some(
            {
                "tools": tools,
                "instructions": self._pick(TEXTS),
                "tool_choice": self._pick(["none", "required"]),
                "temperature": 1.5,
                "max_output_tokens": self._pick([16, 100000]),
                "parallel_tool_calls": False,
                "reasoning": {"effort": "high", "summary": "auto"},
                "text": {"verbosity": "low"},
                "store": False,
                "include": ["reasoning.encrypted_content"],
                "top_logprobs": 2,
                "user": "u",
                "stream": True,
            }
        )

    def _told(self) -> list[Any]:
        image = {"type": "input_image", "image_url": URL, "detail": "auto"}
        content = self._pick([self._pick(TEXTS), [{"type": "input_text", "text": self._pick(TEXTS)}, image]])
        return [{"type": "message", "role": self._pick(["user", "developer", "system"]), "content": content}]

    def _responses_said(self) -> list[Any]:
        sealed = {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
        said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": self._pick(TEXTS)}]}
        return self._pick([[said], [sealed, said]])

    def _responses_calls(self) -> list[Any]:
        calls: list[Any] = []
        outputs: list[Any] = []
        listed = [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": URL}]
        for id in self._ids(2):
            kind = self._pick(["function_call", "custom_tool_call"])
            given = {"arguments": self._pick(ARGUMENTS[:2])} if kind == "function_call" else {"input": "x"}
            calls.append({"type": kind, "call_id": id, "name": self._pick(NAMES), **given})
            output = self._pick([self._pick(TEXTS), listed]) if kind == "function_call" else "x"
            outputs.append({"type": f"{kind}_output", "call_id": id, "output": output})
        return [*calls, *outputs]

    # -- generateContent

    def _gemini(self) -> dict[str, Any]:
        names = self._names()
        contents: list[Any] = []
        for _ in range(self._random.randint(0, 3)):
            contents.append({"role": "user", "parts": self._gemini_parts()})
            if not names or self._chance(0.5):
                contents.append({"role": "model", "parts": [{"text": "t"}]})
                continue
            called = [self._pick(names) for _ in range(self._random.randint(1, 2))]
            signed = self._some({"thoughtSignature": "c2ln"})
            contents.append(
                {"role": "model", "parts": [{"functionCall": {"name": one, "args": {}}, **signed} for one in called]}
            )
            responses = [{"name": one, "response": self._pick([{"output": "1"}, {"a": 1}, {}])} for one in called]
            contents.append({"role": "user", "parts": [{"functionResponse": one} for one in responses]})
            contents.append({"role": "model", "parts": [{"text": "t"}]})
        contents.append({"role": "user", "parts": self._gemini_parts()})
        listed = {"type": "ARRAY", "items": {"type": "STRING"}}
        config = self._some(
            {
                "temperature": 2,
                "topP": 0.5,
                "topK": 3,
                "maxOutputTokens": self._pick([1, 99999]),
                "seed": 1,
                "stopSequences": ["a"],
                "thinkingConfig": self._pick([{"thinkingBudget": 0}, {"thinkingBudget": -1}]),
                "responseMimeType": "application/json",
            }
        )
        if "responseMimeType" in config:
            config |= self._pick([{}, {"responseSchema": listed}, {"responseJsonSchema": self._pick(SCHEMAS)}])
        body: dict[str, Any] = {"contents": contents, "generationConfig": config}
        if names:
            schemas = [
                {"parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}},
                {},
            ]
            declared = [{"name": name, "description": "d", **self._pick(schemas)} for name in names]
            body["tools"] = [{"functionDeclarations": declared}]
            modes = [{"mode": "ANY"}, {"mode": "NONE"}, {"mode": "ANY", "allowedFunctionNames": [names[0]]}]
            body |= self._some({"toolConfig": {"functionCallingConfig": self._pick(modes)}})
        return body | self._some({"systemInstruction": {"parts": [{"text": "s"}]}})

    def _gemini_parts(self) -> list[Any]:
        kinds = [("image/png", PICTURE), ("text/plain", base64.b64encode(b"x").decode())]
        kind, data = self._pick(kinds)
        return self._pick([[{"text": "x"}], [{"text": "x"}, {"inlineData": {"mimeType": kind, "data": data}}]])
