"""What Anthropic's messages accept: the request as models, and the rules between messages."""

from __future__ import annotations

import re
from typing import Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tollhouse.cli.simulator.ask import Refusal
from tollhouse.cli.simulator.closed_schema import complaint

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_NEWER = re.compile(r"-4-[15]")
_UNLED = re.compile(r"claude-[a-z]+-(?:4-[6-9]|[5-9])(?:-|$)")
"""Models that refuse the beginning of their answer."""
_ADAPTIVE = re.compile(r"claude-[a-z]+-(?:4-[7-9]|[5-9])(?:-|$)")
"""Models that think as they like and take no sampling parameters."""
TOOL_ID = re.compile(r"[a-zA-Z0-9_-]+")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class CacheControl(_Strict):
    """A mark: cache the prompt up to here."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class Block(BaseModel):
    """A content block of a message. Blocks know more fields than we check; unknown ones pass."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: Literal[
        "text",
        "image",
        "document",
        "tool_use",
        "tool_result",
        "thinking",
        "redacted_thinking",
        "search_result",
        "server_tool_use",
        "web_search_tool_result",
        "tool_reference",
        "compaction",
    ]
    text: str | None = None
    source: dict[str, Any] | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None
    tool_use_id: str | None = None
    content: Any = None
    is_error: bool | None = None
    thinking: str | None = None
    signature: str | None = None
    cache_control: CacheControl | None = None


class Message(BaseModel):
    """A turn."""

    model_config = ConfigDict(extra="forbid", strict=True)

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]
    output_config: dict[str, Any] | None = None


class Tool(BaseModel):
    """A tool the caller offers; the provider's own tools have a ``type`` and no schema."""

    model_config = ConfigDict(extra="allow", strict=True)

    name: str
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    cache_control: CacheControl | None = None


class ToolChoice(_Strict):
    """Whether and which tool must be called."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(BaseModel):
    """Extended thinking."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: int | None = None


class CountRequest(_Strict):
    """``POST /v1/messages/count_tokens``, and what ``MessagesRequest`` shares with it."""

    model: str
    messages: list[Message]
    system: str | list[Block] | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: dict[str, Any] | None = None
    output_format: dict[str, Any] | None = None
    cache_control: CacheControl | None = None
    context_management: dict[str, Any] | None = None
    mcp_servers: list[Any] | None = None
    speed: str | None = None


class MessagesRequest(CountRequest):
    """``POST /v1/messages``."""

    max_tokens: int = Field(ge=1)
    metadata: dict[str, Any] | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    temperature: float | None = Field(default=None, ge=0, le=1)
    top_k: int | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, ge=0, le=1)
    container: Any = None
    inference_geo: str | None = None


def read_messages(document: Any, betas: str = "") -> MessagesRequest:
    """The request, or the Refusal the provider would answer."""
    try:
        request = MessagesRequest.model_validate(document)
    except ValidationError as error:
        raise _refusal(error) from None
    _check(request, betas)
    if any(not stop.strip() for stop in request.stop_sequences or ()):
        _no("stop_sequences: each stop sequence must contain non-whitespace")
    if request.temperature is not None and request.top_p is not None and _NEWER.search(request.model):
        _no("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
    if _UNLED.search(request.model) and request.messages[-1].role == "assistant":
        _no("This model does not support assistant message prefill. The conversation must end with a user message.")
    form = (request.output_config or {}).get("format")
    wrong = complaint(form.get("schema")) if isinstance(form, dict) else ""
    if wrong:
        _no(f"output_config.format.schema: {wrong}")
    thinking = request.thinking
    if _ADAPTIVE.search(request.model):
        for name in ("temperature", "top_p", "top_k"):
            if getattr(request, name) is not None:
                _no(f"`{name}` is deprecated for this model.")
        if thinking is not None and thinking.type == "enabled":
            _no(
                '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
                '"output_config.effort" to control thinking behavior.'
            )
    if thinking is not None and thinking.type == "enabled":
        if thinking.budget_tokens is None or thinking.budget_tokens < 1024:
            _no("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        if thinking.budget_tokens >= request.max_tokens:
            _no("`max_tokens` must be greater than `thinking.budget_tokens`.")
        if request.temperature not in (None, 1):
            _no("`temperature` may only be set to 1 when thinking is enabled.")
    return request


def read_count(document: Any, betas: str = "") -> CountRequest:
    """The request, or the Refusal the provider would answer."""
    try:
        request = CountRequest.model_validate(document)
    except ValidationError as error:
        raise _refusal(error) from None
    _check(request, betas)
    return request


def _refusal(error: ValidationError) -> Refusal:
    first = error.errors(include_url=False)[0]
    path = ".".join(
        str(step) for step in first["loc"] if not (isinstance(step, str) and ("[" in step or step == "str"))
    )
    text = {"missing": "Field required", "extra_forbidden": "Extra inputs are not permitted"}.get(
        first["type"], first["msg"]
    )
    return Refusal(400, f"{path}: {text}")


def _no(message: str) -> NoReturn:
    raise Refusal(400, message)


def _check(request: CountRequest, betas: str) -> None:
    if not request.messages:
        _no("messages: at least one message is required")
    _check_tools(request)
    marks = _marks(request)
    if marks > 4:
        _no(f"A maximum of 4 blocks with cache_control may be provided. Found {marks}.")
    open_ids: list[str] = []
    called: set[str | None] = set()
    last = len(request.messages) - 1
    for index, message in enumerate(request.messages):
        if message.role == "system":
            if "mid-conversation-system" not in betas:
                _no(f"messages.{index}.role: Input should be 'user' or 'assistant'")
            continue
        blocks = [] if isinstance(message.content, str) else message.content
        if not message.content and not (index == last and message.role == "assistant"):
            _no(
                f"messages.{index}: all messages must have non-empty content except for the optional final assistant "
                "message"
            )
        if message.role == "user":
            _check_results(blocks, open_ids, index)
            open_ids = []
        elif open_ids:
            _unanswered(open_ids, index - 1)
        for position, block in enumerate(blocks):
            _check_block(block, message.role, f"messages.{index}.content.{position}")
            if block.type == "tool_use":
                if block.id in called:
                    _no(f"messages.{index}.content.{position}: `tool_use` ids must be unique")
                called.add(block.id)
        if message.role == "assistant":
            open_ids = [str(block.id) for block in blocks if block.type == "tool_use"]
    if open_ids:
        _unanswered(open_ids, last)
    final = request.messages[-1]
    if final.role == "assistant" and isinstance(final.content, str) and final.content != final.content.rstrip():
        _no("messages: final assistant content cannot end with trailing whitespace")


def _unanswered(ids: list[str], index: int) -> NoReturn:
    _no(
        f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(ids)}. Each `tool_use` block must have a corresponding `tool_result` block in the next message."
    )


def _check_results(blocks: list[Block], open_ids: list[str], index: int) -> None:
    answered = []
    for position, block in enumerate(blocks):
        if block.type != "tool_result":
            continue
        if block.tool_use_id not in open_ids:
            _no(
                f"messages.{index}.content.{position}: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{block.tool_use_id}. Each `tool_result` block must have a corresponding `tool_use` block in the "
                "previous message."
            )
        answered.append(block.tool_use_id)
    missing = [one for one in open_ids if one not in answered]
    if missing:
        _unanswered(missing, index - 1)
    kinds = [block.type for block in blocks]
    if answered and kinds[0] != "tool_result":
        _no(f"messages.{index}: `tool_result` blocks must come first in the content of a user message.")


def _check_block(block: Block, role: str, where: str) -> None:
    if block.type == "text" and not block.text:
        _no(f"{where}: text content blocks must be non-empty" if block.text == "" else f"{where}.text: Field required")
    if block.type == "text" and block.text is not None and not block.text.strip():
        _no(f"{where}: text content blocks must contain non-whitespace text")
    if block.type == "tool_use":
        if role != "assistant":
            _no(f"{where}: `tool_use` blocks can only be in `assistant` messages")
        if not block.id or not TOOL_ID.fullmatch(block.id):
            _no(f"{where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
        if not block.name or not TOOL_NAME.fullmatch(block.name):
            _no(f"{where}.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        if block.input is None:
            _no(f"{where}.tool_use.input: Field required")
    if block.type == "tool_result" and role != "user":
        _no(f"{where}: `tool_result` blocks can only be in `user` messages")
    if block.type == "thinking" and not block.signature:
        _no(f"{where}.thinking.signature: Field required")
    if block.type == "image" and block.source is None:
        _no(f"{where}.image.source: Field required")


def _check_tools(request: CountRequest) -> None:
    names = []
    for index, tool in enumerate(request.tools or []):
        if not TOOL_NAME.fullmatch(tool.name):
            _no(f"tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        if tool.type in (None, "custom"):
            if tool.input_schema is None:
                _no(f"tools.{index}.custom.input_schema: Field required")
            if tool.input_schema.get("type") != "object":
                _no(f"tools.{index}.custom.input_schema.type: Input should be 'object'")
            if {"oneOf", "allOf", "anyOf"} & set(tool.input_schema):
                what = "input_schema does not support oneOf, allOf, or anyOf at the top level"
                _no(f"tools.{index}.custom.input_schema: {what}")
        names.append(tool.name)
    if len(set(names)) != len(names):
        _no("tools: Tool names must be unique.")
    choice = request.tool_choice
    if choice is not None:
        if not request.tools and choice.type != "none":
            _no("tool_choice: `tool_choice` may only be specified while providing `tools`.")
        if choice.type == "tool" and choice.name not in names:
            _no(f"tool_choice: Tool '{choice.name}' not found in provided tools")


def _marks(request: CountRequest) -> int:
    blocks = list(request.system) if isinstance(request.system, list) else []
    for message in request.messages:
        if isinstance(message.content, list):
            blocks += message.content
    marked = [block for block in blocks if block.cache_control] + [
        tool for tool in request.tools or [] if tool.cache_control
    ]
    return len(marked)
