"""What OpenAI's responses accept: the request as models, and the rules between items."""

from __future__ import annotations

from typing import Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field
from tollhouse.cli.simulator.ask import Refusal
from tollhouse.cli.simulator.function_schema import check_answer, check_parameters
from tollhouse.cli.simulator.openai_wire import TOOL_NAME, read_model

SEALED = "gAAAAA"
"""What the provider's own encrypted reasoning begins with."""
_INPUT_PARTS = ("input_text", "input_image", "input_file", "input_audio")
_OUTPUT_PARTS = ("output_text", "refusal")
_CALLS = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}
_REASONING_MODELS = ("gpt-5", "gpt-6", "o1", "o3", "o4")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Part(BaseModel):
    """A content part; each kind knows more fields than are checked."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: Literal["input_text", "input_image", "input_file", "input_audio", "output_text", "refusal"]
    text: str | None = None
    image_url: str | None = None
    file_data: str | None = None
    refusal: str | None = None


class Tool(BaseModel):
    """A tool the caller offers, or one of the provider's own."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: str
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    format: dict[str, Any] | None = None
    tools: list[Tool] | None = None


class Item(BaseModel):
    """An item of the input; built-in kinds know more fields than are checked."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: str = "message"
    id: str | None = None
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | list[Part] | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: str | list[Part] | None = None
    summary: list[dict[str, Any]] | None = None
    encrypted_content: str | None = None
    tools: list[Tool] | None = None


class Format(_Strict):
    """How the answer's text must look."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class TextOptions(_Strict):
    """What the answer's text is like."""

    format: Format | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class ReasoningOptions(_Strict):
    """How hard to think, and what to show of it."""

    effort: str | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    generate_summary: str | None = None
    context: str | None = None


class ResponsesRequest(_Strict):
    """``POST /v1/responses``."""

    model: str
    input: str | list[Item] | None = None
    background: bool | None = None
    client_metadata: dict[str, str] | None = None
    conversation: str | dict[str, Any] | None = None
    include: list[str] | None = None
    instructions: str | None = None
    max_output_tokens: int | None = Field(default=None, ge=16)
    max_tool_calls: int | None = None
    metadata: dict[str, str] | None = None
    parallel_tool_calls: bool | None = None
    previous_response_id: str | None = None
    prompt: dict[str, Any] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    reasoning: ReasoningOptions | None = None
    safety_identifier: str | None = Field(default=None, max_length=64)
    service_tier: str | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    text: TextOptions | None = None
    tool_choice: str | dict[str, Any] | None = None
    tools: list[Tool] | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    top_p: float | None = Field(default=None, ge=0, le=1)
    truncation: Literal["auto", "disabled"] | None = None
    user: str | None = None


def read_responses(document: Any) -> ResponsesRequest:
    """The request, or the Refusal the provider would answer."""
    request = read_model(ResponsesRequest, document)
    if request.input is None and request.previous_response_id is None:
        _no("Missing required parameter: 'input'.", "missing_required_parameter", "input")
    if isinstance(request.input, list):
        _check_items(request.input, open_before=request.previous_response_id is not None)
    _check_tools(request)
    _check_format(request)
    if request.temperature is not None and request.model.startswith(_REASONING_MODELS):
        _no("Unsupported parameter: 'temperature' is not supported with this model.", None, "temperature")
    return request


def offered(request: ResponsesRequest) -> list[Tool]:
    """All tools, those among the items included."""
    items = request.input if isinstance(request.input, list) else []
    return [*(request.tools or ()), *(tool for item in items for tool in item.tools or ())]


def _no(message: str, code: str | None, param: str) -> NoReturn:
    raise Refusal(400, message, code=code, param=param)


def _check_items(items: list[Item], *, open_before: bool) -> None:
    waiting: dict[str, str] = {}
    for index, item in enumerate(items):
        place = f"input[{index}]"
        if item.type == "message":
            _check_message(item, place)
        elif item.type in _CALLS:
            _check_call(item, place)
            waiting[str(item.call_id)] = _CALLS[item.type]
        elif item.type in _CALLS.values():
            if item.output is None:
                _no(f"Missing required parameter: '{place}.output'.", "missing_required_parameter", f"{place}.output")
            wanted = waiting.pop(str(item.call_id), None)
            if wanted != item.type and not open_before:
                _no(f"No tool call found for function call output with call_id {item.call_id}.", None, "input")
        elif item.type == "reasoning":
            _check_reasoning(item, place)
    if waiting:
        _no(f"No tool output found for function call {next(iter(waiting))}.", None, "input")


def _check_message(item: Item, place: str) -> None:
    if item.role is None:
        _no(f"Missing required parameter: '{place}.role'.", "missing_required_parameter", f"{place}.role")
    if item.content is None:
        _no(f"Missing required parameter: '{place}.content'.", "missing_required_parameter", f"{place}.content")
    allowed = _OUTPUT_PARTS if item.role == "assistant" else _INPUT_PARTS
    for number, part in enumerate(item.content if isinstance(item.content, list) else ()):
        if part.type not in allowed:
            shown = ", ".join(f"'{name}'" for name in allowed)
            where = f"{place}.content[{number}]"
            _no(f"Invalid value: '{part.type}'. Supported values are: {shown}.", "invalid_value", where)


def _check_call(item: Item, place: str) -> None:
    for name in ("call_id", "name", "arguments" if item.type == "function_call" else "input"):
        if getattr(item, name) is None:
            _no(f"Missing required parameter: '{place}.{name}'.", "missing_required_parameter", f"{place}.{name}")
    if len(str(item.call_id)) > 64:
        _no(
            f"Invalid '{place}.call_id': string too long. Expected a string with maximum length 64.",
            "string_above_max_length",
            f"{place}.call_id",
        )
    if not TOOL_NAME.fullmatch(str(item.name)):
        _no(f"Invalid '{place}.name': string does not match pattern.", "invalid_value", f"{place}.name")


def _check_reasoning(item: Item, place: str) -> None:
    if item.summary is None:
        _no(f"Missing required parameter: '{place}.summary'.", "missing_required_parameter", f"{place}.summary")
    if not item.encrypted_content:
        _no(f"Item with id '{item.id}' not found. Items are not persisted when `store` is false.", None, "input")
    if not item.encrypted_content.startswith(SEALED):
        _no(
            "The encrypted content could not be verified. Reason: Encrypted content could not be decrypted or parsed.",
            "invalid_encrypted_content",
            place,
        )


def _check_tools(request: ResponsesRequest) -> None:
    names: list[str] = []
    for index, tool in enumerate(offered(request)):
        place = f"tools[{index}]"
        inner = tool.tools or [] if tool.type == "namespace" else [tool]
        for one in inner:
            if one.type not in ("function", "custom"):
                continue
            if one.name is None:
                _no(f"Missing required parameter: '{place}.name'.", "missing_required_parameter", f"{place}.name")
            if not TOOL_NAME.fullmatch(one.name) or len(one.name) > 64:
                _no(
                    f"Invalid '{place}.name': string does not match pattern. Expected a string that matches the "
                    "pattern '^[a-zA-Z0-9_-]+$'.",
                    "invalid_value",
                    f"{place}.name",
                )
            names.append(one.name)
            if one.type == "function":
                check_parameters(one.name, one.parameters, f"{place}.parameters")
            _check_strict(one, place)
    choice = request.tool_choice
    if isinstance(choice, str) and choice not in ("none", "auto", "required"):
        _no(f"Invalid value: '{choice}'.", "invalid_value", "tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "function" and choice.get("name") not in names:
        _no(f"Tool choice 'function' not found in 'tools' parameter: {choice.get('name')}.", None, "tool_choice")


def _check_strict(tool: Tool, place: str) -> None:
    """Left out, ``strict`` is true here, but only where the schema allows; said, it must hold."""
    schema = tool.parameters or {}
    if tool.type == "function" and tool.strict and schema.get("additionalProperties") is not False:
        _no(
            f"Invalid schema for function '{tool.name}': In context=(), 'additionalProperties' is required to be "
            "supplied and to be false.",
            "invalid_function_parameters",
            f"{place}.parameters",
        )


def _check_format(request: ResponsesRequest) -> None:
    form = request.text.format if request.text else None
    if form is not None and form.type == "json_object" and "json" not in _words(request):
        _no(
            "Response input messages must contain the word 'json' in some form to use 'text.format' of type "
            "'json_object'.",
            "",
            "input",
        )
    if form is None or form.type != "json_schema":
        return
    if not form.name:
        _no("Missing required parameter: 'text.format.name'.", "missing_required_parameter", "text.format.name")
    schema = form.schema_
    if schema is None:
        _no("Missing required parameter: 'text.format.schema'.", "missing_required_parameter", "text.format.schema")
    check_answer(form.name, schema, "text.format.schema")
    if form.strict and schema.get("additionalProperties") is not False:
        _no(
            f"Invalid schema for response_format '{form.name}': In context=(), 'additionalProperties' is required to "
            "be supplied and to be false.",
            "invalid_json_schema",
            "text.format.schema",
        )


def _words(request: ResponsesRequest) -> str:
    return request.model_dump_json(include={"input"}).lower()
