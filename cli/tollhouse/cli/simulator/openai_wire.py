"""What OpenAI's chat completions and embeddings accept: the request as models, and the rules between messages."""

from __future__ import annotations

import re
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tollhouse.cli.simulator.ask import Refusal
from tollhouse.cli.simulator.function_schema import check_answer, check_parameters

ModelT = TypeVar("ModelT", bound=BaseModel)
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_REASONING = re.compile(r"o\d|gpt-5")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Part(_Strict):
    """A content part."""

    type: Literal["text", "image_url", "input_audio", "file", "refusal"]
    text: str | None = None
    image_url: dict[str, Any] | None = None
    input_audio: dict[str, Any] | None = None
    file: dict[str, Any] | None = None
    refusal: str | None = None


class CalledFunction(_Strict):
    """Name and arguments of a call."""

    name: str
    arguments: str


class ToolCall(_Strict):
    """A call an assistant message made."""

    id: str
    type: Literal["function", "custom"] = "function"
    function: CalledFunction | None = None
    custom: dict[str, Any] | None = None


class Message(_Strict):
    """A message of any role."""

    role: Literal["system", "assistant", "user", "function", "tool", "developer"]
    content: str | list[Part] | None = None
    name: str | None = None
    refusal: str | None = None
    audio: dict[str, Any] | None = None
    function_call: CalledFunction | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    annotations: list[Any] | None = None


class OfferedFunction(_Strict):
    """A function the caller offers."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(_Strict):
    """A tool the caller offers."""

    type: Literal["function", "custom"]
    function: OfferedFunction | None = None
    custom: dict[str, Any] | None = None


class JsonSchema(_Strict):
    """The schema of a structured answer."""

    name: str
    description: str | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class ResponseFormat(_Strict):
    """How the answer must look."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(_Strict):
    """What a stream carries besides the answer."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ChatRequest(_Strict):
    """``POST /v1/chat/completions``."""

    model: str
    messages: list[Message]
    audio: dict[str, Any] | None = None
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    function_call: Any = None
    functions: list[Any] | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    max_completion_tokens: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    metadata: dict[str, str] | None = None
    modalities: list[str] | None = None
    n: int | None = Field(default=None, ge=1, le=128)
    parallel_tool_calls: bool | None = None
    prediction: dict[str, Any] | None = None
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    reasoning_effort: str | None = None
    response_format: ResponseFormat | None = None
    safety_identifier: str | None = None
    seed: int | None = None
    service_tier: str | None = None
    stop: str | list[str] | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    tool_choice: str | dict[str, Any] | None = None
    tools: list[Tool] | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    top_p: float | None = Field(default=None, ge=0, le=1)
    user: str | None = None
    verbosity: str | None = None
    web_search_options: dict[str, Any] | None = None


class EmbeddingRequest(_Strict):
    """``POST /v1/embeddings``."""

    model: str
    input: str | list[str] | list[int] | list[list[int]]
    dimensions: int | None = Field(default=None, ge=1)
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None


def read_chat(document: Any, *, lenient: bool = False) -> ChatRequest:
    """The request, or the Refusal the provider would answer. ``lenient``: unknown fields are ignored (vLLM)."""
    if lenient and isinstance(document, dict):
        document = {key: value for key, value in document.items() if key in ChatRequest.model_fields}
        document["messages"] = [_known(message) for message in _list(document.get("messages"))]
    request = read_model(ChatRequest, document)
    _check_messages(request)
    _check_tools(request)
    _check_format(request, lenient=lenient)
    if not lenient and _REASONING.match(request.model):
        _check_reasoning(request)
    return request


def read_embeddings(document: Any) -> EmbeddingRequest:
    """The request, or the Refusal the provider would answer."""
    request = read_model(EmbeddingRequest, document)
    if request.input in ("", []) or (isinstance(request.input, list) and "" in request.input):
        _no("Invalid 'input': input cannot be an empty string.", "invalid_value", "input")
    return request


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _known(message: Any) -> Any:
    if not isinstance(message, dict):
        return message
    return {key: value for key, value in message.items() if key in Message.model_fields}


def read_model(model: type[ModelT], document: Any) -> ModelT:
    """The document as the model, or the Refusal the provider would answer."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise _refusal(error) from None


def _refusal(error: ValidationError) -> Refusal:
    first = error.errors(include_url=False)[0]
    path = ""
    for step in first["loc"]:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step.isidentifier() and not step.endswith("]"):
            path += f".{step}" if path else step
    kind = first["type"]
    if kind == "missing":
        return Refusal(400, f"Missing required parameter: '{path}'.", code="missing_required_parameter", param=path)
    if kind == "extra_forbidden":
        return Refusal(400, f"Unknown parameter: '{path}'.", code="unknown_parameter", param=path)
    if kind == "literal_error":
        expected = str(first.get("ctx", {}).get("expected", "")).replace(" or ", ", ")
        message = f"Invalid value: '{first['input']}'. Supported values are: {expected}."
        return Refusal(400, message, code="invalid_value", param=path)
    code = "invalid_type" if kind.endswith("_type") else "invalid_value"
    return Refusal(400, f"Invalid '{path}': {first['msg'].lower()}.", code=code, param=path)


def _no(message: str, code: str | None, param: str) -> NoReturn:
    raise Refusal(400, message, code=code, param=param)


def _check_messages(request: ChatRequest) -> None:
    if not request.messages:
        _no(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            "empty_array",
            "messages",
        )
    open_ids: list[str] = []
    for index, message in enumerate(request.messages):
        place = f"messages[{index}]"
        if message.role == "tool":
            if message.tool_call_id is None:
                _no(f"Missing required parameter: '{place}.tool_call_id'.", "missing_required_parameter", place)
            if message.tool_call_id not in open_ids:
                _no(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'.",
                    None,
                    f"{place}.role",
                )
            open_ids.remove(message.tool_call_id)
        elif open_ids:
            break
        if message.content is None and not (
            message.role == "assistant" and (message.tool_calls or message.refusal or message.function_call)
        ):
            _no(f"Invalid value for 'content': expected a string, got null. (at {place})", None, f"{place}.content")
        if message.tool_calls is not None:
            open_ids = _call_ids(message, place)
    if open_ids:
        _no(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(open_ids)}",
            None,
            "messages",
        )


def _call_ids(message: Message, place: str) -> list[str]:
    calls = message.tool_calls or []
    if not calls:
        _no(
            f"Invalid '{place}.tool_calls': empty array. Expected an array with minimum length 1.", "empty_array", place
        )
    if message.role != "assistant":
        _no(f"Unknown parameter: '{place}.tool_calls'.", "unknown_parameter", f"{place}.tool_calls")
    for index, call in enumerate(calls):
        where = f"{place}.tool_calls[{index}]"
        if len(call.id) > 64:
            _no(
                f"Invalid '{where}.id': string too long. Expected a string with maximum length 64, but got a string "
                f"with length {len(call.id)} instead.",
                "string_above_max_length",
                f"{where}.id",
            )
        if call.function is not None:
            _check_name(call.function.name, f"{where}.function.name")
    return [call.id for call in calls]


def _check_name(name: str, where: str) -> None:
    if not TOOL_NAME.fullmatch(name):
        _no(
            f"Invalid '{where}': string does not match pattern. Expected a string that matches the pattern "
            "'^[a-zA-Z0-9_-]+$'.",
            "invalid_value",
            where,
        )
    if len(name) > 64:
        _no(
            f"Invalid '{where}': string too long. Expected a string with maximum length 64.",
            "string_above_max_length",
            where,
        )


def _check_tools(request: ChatRequest) -> None:
    if request.tools is not None and not request.tools:
        _no(
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            "empty_array",
            "tools",
        )
    if request.tools is None:
        if request.tool_choice not in (None, "none"):
            _no(
                "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
                None,
                "tool_choice",
            )
        if request.parallel_tool_calls is not None:
            _no(
                "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are "
                "specified.",
                None,
                "parallel_tool_calls",
            )
        return
    names = []
    for index, tool in enumerate(request.tools):
        if tool.type == "function":
            if tool.function is None:
                where = f"tools[{index}].function"
                _no(f"Missing required parameter: '{where}'.", "missing_required_parameter", where)
            _check_name(tool.function.name, f"tools[{index}].function.name")
            check_parameters(tool.function.name, tool.function.parameters, f"tools[{index}].function.parameters")
            names.append(tool.function.name)
    choice = request.tool_choice
    if isinstance(choice, str) and choice not in ("none", "auto", "required"):
        _no(
            f"Invalid value: '{choice}'. Supported values are: 'none', 'auto', and 'required'.",
            "invalid_value",
            "tool_choice",
        )
    if isinstance(choice, dict) and choice.get("type") == "function":
        wanted = (choice.get("function") or {}).get("name")
        if wanted not in names:
            _no(f"Invalid value for 'tool_choice': Tool '{wanted}' not found in 'tools'.", None, "tool_choice")


def _check_format(request: ChatRequest, *, lenient: bool) -> None:
    if request.stream_options is not None and not request.stream:
        _no("The 'stream_options' parameter is only allowed when 'stream' is enabled.", None, "stream_options")
    if request.max_tokens is not None and request.max_completion_tokens is not None:
        _no("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.", None, "max_tokens")
    form = request.response_format
    if form is None:
        return
    if form.type == "json_object" and "json" not in _words(request):
        _no(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            None,
            "messages",
        )
    if form.type == "json_schema":
        if form.json_schema is None:
            _no(
                "Missing required parameter: 'response_format.json_schema'.",
                "missing_required_parameter",
                "response_format",
            )
        _check_name(form.json_schema.name, "response_format.json_schema.name")
        schema = form.json_schema.schema_ or {}
        if not lenient:
            check_answer(form.json_schema.name, schema, "response_format")
        if (
            form.json_schema.strict
            and schema.get("type") == "object"
            and schema.get("additionalProperties") is not False
        ):
            _no(
                f"Invalid schema for response_format '{form.json_schema.name}': In context=(), 'additionalProperties' "
                "is required to be supplied and to be false.",
                None,
                "response_format",
            )


def _words(request: ChatRequest) -> str:
    return "".join(message.model_dump_json(include={"content"}) for message in request.messages).lower()


def _check_reasoning(request: ChatRequest) -> None:
    if request.max_tokens is not None:
        _no(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
            "instead.",
            "unsupported_parameter",
            "max_tokens",
        )
    for name in ("stop", "logprobs", "top_logprobs", "presence_penalty", "frequency_penalty"):
        if getattr(request, name) not in (None, False, 0):
            _no(f"Unsupported parameter: '{name}' is not supported with this model.", "unsupported_parameter", name)
    if request.temperature not in (None, 1):
        _no(
            f"Unsupported value: 'temperature' does not support {request.temperature} with this model. Only the "
            "default (1) value is supported.",
            "unsupported_value",
            "temperature",
        )
