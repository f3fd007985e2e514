"""A generateContent request in neutral form."""

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
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from tollhouse.dataplane.protocols._allowed import restrict
from tollhouse.dataplane.protocols._fields import (
    as_list,
    as_object,
    get_flag,
    get_integer,
    get_number,
    get_text,
    missing,
    wrong,
)
from tollhouse.dataplane.protocols._signatures import unpack
from tollhouse.dataplane.protocols._unread import Shape, unread
from tollhouse.dataplane.protocols.gemini_generate.fields import FORMAT, UNSIGNED, camel, json_schema, several

_CARRIED = frozenset(("model", "stream", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig"))
"""Fields the neutral form has a place for; every other rides in ``extra``."""
_CONFIG = frozenset(
    (
        "temperature",
        "topP",
        "topK",
        "candidateCount",
        "maxOutputTokens",
        "stopSequences",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "presencePenalty",
        "frequencyPenalty",
        "seed",
        "responseLogprobs",
        "logprobs",
        "thinkingConfig",
    )
)
_BLOB = Shape("mimeType data displayName")
_PART = Shape(
    "text thought thoughtSignature executableCode codeExecutionResult",
    inlineData=_BLOB,
    fileData=Shape("fileUri mimeType displayName"),
    functionCall=Shape("id name args"),
    functionResponse=Shape("id name response", parts=Shape("", inlineData=_BLOB)),
)
_INSIDE = (
    ("systemInstruction", Shape("role", parts=Shape("text"))),
    ("contents", Shape("role", parts=_PART)),
    (
        "tools",
        Shape(
            "googleSearch googleSearchRetrieval googleMaps codeExecution urlContext computerUse fileSearch retrieval",
            functionDeclarations=Shape("name description parameters parametersJsonSchema"),
        ),
    ),
    ("toolConfig", Shape("", functionCallingConfig=Shape("mode allowedFunctionNames"))),
    ("generationConfig.thinkingConfig", Shape("includeThoughts thinkingBudget thinkingLevel")),
)
"""What is read of the objects inside; every other field of theirs is named in ``unread``."""
_ENVELOPES = frozenset(("output", "result", "error"))
"""Keys that only say what the one text of a result is; every other key is part of the result."""
_MODES = {"AUTO": "auto", "ANY": "required", "NONE": "none", "VALIDATED": "auto", "MODE_UNSPECIFIED": "auto"}
_LEVELS = {"MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high"}


def read_request(raw: dict[str, Any]) -> ChatRequest:
    """Raises ClientError naming the field at fault."""
    body = camel(raw)
    config = as_object(body.get("generationConfig") or {}, "generationConfig")
    extra = {name: value for name, value in body.items() if name not in _CARRIED and value is not None}
    rest = {name: value for name, value in config.items() if name not in _CONFIG and value is not None}
    if rest:
        extra["generationConfig"] = rest
    place = "generationConfig"
    choices = get_integer(config, "candidateCount", place, low=1, high=8)
    tools, choice = _choice(body.get("toolConfig"), _tools(body.get("tools")))
    return ChatRequest(
        model=get_text(body, "model", ""),
        messages=_system(body.get("systemInstruction")) + _Contents().read(body.get("contents")),
        tools=tools,
        tool_choice=choice,
        max_tokens=get_integer(config, "maxOutputTokens", place, low=1),
        temperature=get_number(config, "temperature", place, low=0, high=2),
        top_p=get_number(config, "topP", place, low=0, high=1),
        top_k=get_integer(config, "topK", place, low=0),
        presence_penalty=get_number(config, "presencePenalty", place, low=-2, high=2),
        frequency_penalty=get_number(config, "frequencyPenalty", place, low=-2, high=2),
        seed=get_integer(config, "seed", place),
        stop=[str(stop) for stop in as_list(config.get("stopSequences"), f"{place}.stopSequences")],
        stream=get_flag(body, "stream") or False,
        stream_usage=True,
        choices=choices or 1,
        logprobs=get_flag(config, "responseLogprobs", place),
        top_logprobs=get_integer(config, "logprobs", place, low=0, high=20),
        response_format=_format(config),
        reasoning=_reasoning(config.get("thinkingConfig")),
        extra={FORMAT: extra},
        unread=unread({**body, "generationConfig.thinkingConfig": config.get("thinkingConfig")}, _INSIDE),
        original=raw,
    )


def _system(value: Any) -> list[Message]:
    if value is None:
        return []
    if isinstance(value, str):
        return [Message("system", [Text(value)])]
    parts = several(as_object(value, "systemInstruction").get("parts"), "systemInstruction.parts")
    texts: list[Part] = [
        Text(get_text(as_object(part, f"systemInstruction.parts[{i}]"), "text", f"systemInstruction.parts[{i}]"))
        for i, part in enumerate(parts)
    ]
    return [Message("system", texts)] if texts else []


class _Contents:
    """Reads one ``contents``; used once. Calls without an id get one, and their results the same."""

    def __init__(self) -> None:
        self._count = 0
        self._waiting: list[ToolCall] = []

    def read(self, value: Any) -> list[Message]:
        if value is None:
            raise missing("contents", "an array of at least one content")
        contents = value if isinstance(value, list) else [value]
        if not contents:
            raise wrong("contents", value, "at least one content")
        messages: list[Message] = []
        for i, item in enumerate(contents):
            where = f"contents[{i}]"
            content = as_object(item, where)
            role = get_text(content, "role", where) or "user"
            if role not in ("user", "model", "function"):
                raise wrong(f"{where}.role", role, "'user' or 'model'")
            parts = [
                part
                for j, inner in enumerate(several(content.get("parts"), f"{where}.parts"))
                for part in self._part(as_object(inner, f"{where}.parts[{j}]"), f"{where}.parts[{j}]")
            ]
            results: list[Part] = [part for part in parts if isinstance(part, ToolResult)]
            if results:
                messages.append(Message("tool", results))
            rest: list[Part] = [part for part in parts if not isinstance(part, ToolResult)]
            if rest:
                messages.append(Message("assistant" if role == "model" else "user", rest))
        return messages

    def _part(self, item: dict[str, Any], where: str) -> list[Part]:
        signature = get_text(item, "thoughtSignature", where)
        before: list[Part] = []
        if signature and signature != UNSIGNED:
            before = [unpack(signature) or Thinking(signature=signature, origin=FORMAT)]
        if "functionCall" in item:
            return [*before, self._call(as_object(item["functionCall"], f"{where}.functionCall"), where)]
        if "functionResponse" in item:
            return [self._result(as_object(item["functionResponse"], f"{where}.functionResponse"), where)]
        if item.get("thought") is True:
            packed = unpack(signature)
            return [packed or Thinking(get_text(item, "text", where), signature, origin=FORMAT if signature else "")]
        if "text" in item:
            return [*before, Text(get_text(item, "text", where, None))]
        if "inlineData" in item:
            return [_inline(as_object(item["inlineData"], f"{where}.inlineData"), f"{where}.inlineData")]
        if "fileData" in item:
            return [_file(as_object(item["fileData"], f"{where}.fileData"), item, f"{where}.fileData")]
        return [Opaque(FORMAT, {"type": next(iter(item), "part"), **item})]

    def _call(self, call: dict[str, Any], where: str) -> ToolCall:
        self._count += 1
        id = get_text(call, "id", f"{where}.functionCall") or f"call_{self._count}"
        arguments = msgspec.json.encode(as_object(call.get("args") or {}, f"{where}.functionCall.args")).decode()
        made = ToolCall(id, get_text(call, "name", f"{where}.functionCall", None), arguments)
        self._waiting.append(made)
        return made

    def _result(self, result: dict[str, Any], where: str) -> ToolResult:
        place = f"{where}.functionResponse"
        name = get_text(result, "name", place)
        id = get_text(result, "id", place)
        for call in self._waiting:
            if call.id == id or (not id and call.name == name):
                id = call.id
                self._waiting.remove(call)
                break
        else:
            if not id:
                raise wrong(f"{place}.name", name, "the name of a functionCall before it")
        response = as_object(result.get("response") or {}, f"{place}.response")
        only = next(iter(response.values())) if len(response) == 1 and set(response) <= _ENVELOPES else None
        is_error = set(response) == {"error"}
        text = only if isinstance(only, str) else msgspec.json.encode(response).decode()
        parts: list[Text | Image | Document] = [Text(text)]
        for i, item in enumerate(as_list(result.get("parts"), f"{place}.parts")):
            inner = as_object(item, f"{place}.parts[{i}]").get("inlineData")
            if inner:
                shown = _inline(as_object(inner, f"{place}.parts[{i}].inlineData"), f"{place}.parts[{i}].inlineData")
                if isinstance(shown, Image | Document):
                    parts.append(shown)
        return ToolResult(id, parts, is_error)


def _inline(data: dict[str, Any], where: str) -> Part:
    media_type = get_text(data, "mimeType", where, None)
    encoded = get_text(data, "data", where, None).replace("-", "+").replace("_", "/")
    if media_type.startswith("image/"):
        return Image(data=encoded, media_type=media_type)
    if media_type.startswith("audio/"):
        return Audio(encoded, media_type.removeprefix("audio/"))
    return Document(data=encoded, media_type=media_type, name=get_text(data, "displayName", where))


def _file(data: dict[str, Any], item: dict[str, Any], where: str) -> Part:
    uri = get_text(data, "fileUri", where, None)
    media_type = get_text(data, "mimeType", where)
    if uri.startswith("https://generativelanguage.googleapis.com/") or not uri.startswith("https://"):
        return Opaque(FORMAT, {"type": "fileData", **item})  # only Google can fetch it
    if media_type.startswith("image/"):
        return Image(url=uri, media_type=media_type)
    if media_type == "application/pdf":
        return Document(url=uri, media_type=media_type)
    return Opaque(FORMAT, {"type": "fileData", **item})


def _tools(value: Any) -> list[Tool]:
    tools: list[Tool] = []
    for i, item in enumerate(several(value, "tools")):
        for name, inner in as_object(item, f"tools[{i}]").items():
            if name != "functionDeclarations":
                tools.append(Tool(name, opaque=Opaque(FORMAT, {name: inner})))
                continue
            place = f"tools[{i}].functionDeclarations"
            for j, declared in enumerate(several(inner, place)):
                tools.append(_function(as_object(declared, f"{place}[{j}]"), f"{place}[{j}]"))
    return tools


def _function(declared: dict[str, Any], where: str) -> Tool:
    schema = declared.get("parametersJsonSchema")
    if schema is None and declared.get("parameters") is not None:
        schema = json_schema(as_object(declared["parameters"], f"{where}.parameters"))
    return Tool(
        name=get_text(declared, "name", where, None),
        description=get_text(declared, "description", where),
        parameters=None if schema is None else as_object(schema, f"{where}.parametersJsonSchema"),
    )


def _choice(value: Any, tools: list[Tool]) -> tuple[list[Tool], ToolChoice | None]:
    config = as_object(value or {}, "toolConfig").get("functionCallingConfig")
    if not config:
        return tools, None
    place = "toolConfig.functionCallingConfig"
    mode = get_text(as_object(config, place), "mode", place) or "AUTO"
    if mode not in _MODES:
        raise wrong(f"{place}.mode", mode, f"one of {', '.join(_MODES)}")
    names = [str(name) for name in as_list(config.get("allowedFunctionNames"), f"{place}.allowedFunctionNames")]
    if not names or mode == "NONE":
        return tools, ToolChoice(_MODES[mode])  # type: ignore[arg-type]
    functions = [tool for tool in tools if tool.opaque is None]
    kept, choice = restrict(functions, names, required=mode == "ANY")
    return [*kept, *(tool for tool in tools if tool.opaque is not None)], choice


def _format(config: dict[str, Any]) -> ResponseFormat | None:
    if config.get("responseMimeType") not in ("application/json", "text/x.enum"):
        return None
    schema = config.get("responseJsonSchema")
    if schema is None and config.get("responseSchema") is not None:
        schema = json_schema(config["responseSchema"])
    if schema is None:
        return ResponseFormat("json_object")
    return ResponseFormat("json_schema", schema=as_object(schema, "generationConfig.responseSchema"))


def _reasoning(value: Any) -> Reasoning | None:
    if not value:
        return None
    place = "generationConfig.thinkingConfig"
    config = as_object(value, place)
    level = get_text(config, "thinkingLevel", place).upper()
    budget = get_integer(config, "thinkingBudget", place)
    if level:
        return Reasoning(effort=_LEVELS.get(level, "medium"), enabled=True)
    if budget is None:
        return None
    if budget == 0:
        return Reasoning(enabled=False)
    return Reasoning(enabled=True, adaptive=True) if budget < 0 else Reasoning(budget_tokens=budget, enabled=True)
