"""What Google's generateContent accepts: the request as models, and the rules between contents."""

from __future__ import annotations

import re
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from tollhouse.cli.simulator.ask import Refusal

ModelT = TypeVar("ModelT", bound=BaseModel)
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
_DATA = (
    "text",
    "inline_data",
    "file_data",
    "function_call",
    "function_response",
    "executable_code",
    "code_execution_result",
)


class _Strict(BaseModel):
    """Field names in camelCase or snake_case, as the JSON form of Google's messages allows both."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel, populate_by_name=True)


class FunctionCall(_Strict):
    """A call the model made."""

    id: str | None = None
    name: str
    args: dict[str, Any] | None = None


class FunctionResponse(_Strict):
    """What a function gave back."""

    id: str | None = None
    name: str
    response: dict[str, Any]
    parts: list[dict[str, Any]] | None = None
    will_continue: bool | None = None
    scheduling: str | None = None


class Blob(_Strict):
    """Data inline."""

    mime_type: str
    data: str
    display_name: str | None = None


class FileData(_Strict):
    """Data elsewhere."""

    mime_type: str | None = None
    file_uri: str
    display_name: str | None = None


class Part(_Strict):
    """A part of a content; exactly one kind of data."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    executable_code: dict[str, Any] | None = None
    code_execution_result: dict[str, Any] | None = None
    video_metadata: dict[str, Any] | None = None


class Content(_Strict):
    """A turn."""

    role: Literal["user", "model", "function"] | None = None
    parts: list[Part] = Field(min_length=1)


class SystemContent(_Strict):
    """The system instruction; its role does not matter."""

    role: str | None = None
    parts: list[Part]


class FunctionDeclaration(_Strict):
    """A function the caller offers."""

    name: str
    description: str | None = None
    behavior: str | None = None
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, Any] | None = None
    response: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None


class Tool(_Strict):
    """Functions, or one of Google's own tools."""

    function_declarations: list[FunctionDeclaration] | None = None
    google_search: dict[str, Any] | None = None
    code_execution: dict[str, Any] | None = None
    url_context: dict[str, Any] | None = None


class CallingConfig(_Strict):
    """Whether functions must be called."""

    mode: Literal["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"] | None = None
    allowed_function_names: list[str] | None = None


class ToolConfig(_Strict):
    """How tools are used."""

    function_calling_config: CallingConfig | None = None
    retrieval_config: dict[str, Any] | None = None


class ThinkingConfig(_Strict):
    """How hard to think."""

    include_thoughts: bool | None = None
    thinking_budget: int | None = Field(default=None, ge=-1, le=32768)
    thinking_level: str | None = None


class GenerationConfig(_Strict):
    """How to answer."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_k: float | None = None
    candidate_count: int | None = Field(default=None, ge=1, le=8)
    max_output_tokens: int | None = Field(default=None, ge=1)
    stop_sequences: list[str] | None = Field(default=None, max_length=5)
    response_mime_type: Literal["text/plain", "application/json", "text/x.enum"] | None = None
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None
    response_modalities: list[str] | None = None
    presence_penalty: float | None = Field(default=None, ge=-2, lt=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, lt=2)
    seed: int | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = Field(default=None, ge=0, le=20)
    thinking_config: ThinkingConfig | None = None
    media_resolution: str | None = None
    speech_config: dict[str, Any] | None = None


class GenerateRequest(_Strict):
    """``POST /v1beta/models/{model}:generateContent``."""

    contents: list[Content]
    system_instruction: SystemContent | None = None
    tools: list[Tool] | None = None
    tool_config: ToolConfig | None = None
    generation_config: GenerationConfig | None = None
    safety_settings: list[dict[str, Any]] | None = None
    cached_content: str | None = None
    labels: dict[str, str] | None = None


def read_generate(document: Any) -> GenerateRequest:
    """The request, or the Refusal Google would answer."""
    try:
        request = GenerateRequest.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        if first["type"] == "extra_forbidden":
            name = first["loc"][-1]
            raise Refusal(400, f"Invalid JSON payload received. Unknown name \"{name}\" at '{place}'.") from None
        raise Refusal(400, f"Invalid value at '{place}': {first['msg']}") from None
    _check_contents(request)
    _check_tools(request)
    config = request.generation_config
    if (
        config is not None
        and config.response_mime_type is None
        and (config.response_schema or config.response_json_schema)
    ):
        _no("response_mime_type must be application/json when a response schema is set.")
    return request


def _no(message: str) -> NoReturn:
    raise Refusal(400, message)


def _check_contents(request: GenerateRequest) -> None:
    if not request.contents:
        _no("* GenerateContentRequest.contents: contents is not specified")
    waiting = 0
    for index, content in enumerate(request.contents):
        for part in content.parts:
            if sum(getattr(part, name) is not None for name in _DATA) != 1:
                _no(f"contents[{index}]: required oneof field 'data' must have one initialized field")
        calls = sum(part.function_call is not None for part in content.parts)
        results = sum(part.function_response is not None for part in content.parts)
        if results != waiting:
            _no(
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        if calls and content.role != "model":
            _no("Please ensure that function call turns are of role model.")
        waiting = calls
    if request.contents[-1].role == "model" and waiting:
        _no("Please ensure that function call turn is followed by a function response turn.")


def _check_tools(request: GenerateRequest) -> None:
    names = [declared.name for tool in request.tools or () for declared in tool.function_declarations or ()]
    for index, name in enumerate(names):
        if not _NAME.fullmatch(name):
            _no(
                f"* GenerateContentRequest.tools[0].function_declarations[{index}].name: Invalid function name. Must "
                "start with a letter or an underscore."
            )
    calling = request.tool_config.function_calling_config if request.tool_config else None
    if calling is None:
        return
    if calling.allowed_function_names and calling.mode not in ("ANY", "VALIDATED"):
        _no("Function calling config is set without function calling mode set to ANY.")
    for name in calling.allowed_function_names or ():
        if name not in names:
            _no(f"allowed_function_names contains {name}, which is not declared.")
