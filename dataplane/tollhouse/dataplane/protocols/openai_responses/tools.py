"""Tools of a responses request: functions, free-form ones, groups of them; and their calls on the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollhouse.dataplane.chat import ChatRequest, Opaque, Tool, ToolCall, ToolChoice
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.protocols._allowed import restrict
from tollhouse.dataplane.protocols._fields import as_list, as_object, get_flag, get_text, missing, wrong
from tollhouse.dataplane.protocols._freeform import SCHEMA, input_of, with_grammar
from tollhouse.dataplane.protocols._names import told_id

FORMAT = "openai_responses"
JOINT = "__"

_MODES = ("auto", "none", "required")
_FUNCTION = ("type", "name", "description", "parameters", "strict")


def read_tools(value: Any, where: str) -> list[Tool]:
    """The ``tools`` array; groups are laid flat."""
    tools: list[Tool] = []
    for i, item in enumerate(as_list(value, where)):
        place = f"{where}[{i}]"
        tool = as_object(item, place)
        if get_text(tool, "type", place, None) == "namespace":
            group = get_text(tool, "name", place, None)
            for j, inner in enumerate(as_list(tool.get("tools"), f"{place}.tools")):
                tools.append(_tool(as_object(inner, f"{place}.tools[{j}]"), f"{place}.tools[{j}]", group))
        else:
            tools.append(_tool(tool, place, ""))
    return tools


def _tool(tool: dict[str, Any], where: str, group: str) -> Tool:
    kind = get_text(tool, "type", where, None)
    if kind not in ("function", "custom"):
        return Tool(kind, opaque=Opaque(FORMAT, tool))
    name = joined(group, get_text(tool, "name", where, None))
    description = get_text(tool, "description", where)
    if kind == "custom":
        return Tool(name, with_grammar(description, tool.get("format")), SCHEMA, freeform=True, namespace=group)
    parameters = tool.get("parameters")
    more = {key: value for key, value in tool.items() if key not in _FUNCTION and value is not None}
    return Tool(
        name,
        description,
        None if parameters is None else as_object(parameters, f"{where}.parameters"),
        get_flag(tool, "strict", where),
        extra={FORMAT: more} if more else None,
        namespace=group,
    )


def joined(group: str, name: str) -> str:
    """A tool's name with its group's before it."""
    return f"{group}{JOINT}{name}" if group else name


def read_choice(value: Any, tools: list[Tool]) -> tuple[list[Tool], ToolChoice | None]:
    """The tools that may be called, and ``tool_choice``."""
    if isinstance(value, dict) and value.get("type") == "allowed_tools":
        return _allowed_tools(value, tools)
    return tools, _plain_choice(value)


def _allowed_tools(choice: dict[str, Any], tools: list[Tool]) -> tuple[list[Tool], ToolChoice]:
    names: list[str] = []
    kinds: list[str] = []
    for i, item in enumerate(as_list(choice.get("tools"), "tool_choice.tools")):
        place = f"tool_choice.tools[{i}]"
        kind = get_text(as_object(item, place), "type", place, None)
        if kind in ("function", "custom"):
            names.append(joined(get_text(item, "namespace", place), get_text(item, "name", place, None)))
        else:
            kinds.append(kind)
    if not names and not kinds:
        raise missing("tool_choice.tools", "an array of at least one tool")
    return restrict(tools, names, kinds=kinds, required=choice.get("mode") == "required")


def _plain_choice(value: Any) -> ToolChoice | None:
    if value is None:
        return None
    if value in _MODES:
        return ToolChoice(value)
    choice = as_object(value, "tool_choice") if not isinstance(value, str) else {}
    kind = choice.get("type")
    if kind in ("function", "custom"):
        name = joined(get_text(choice, "namespace", "tool_choice"), get_text(choice, "name", "tool_choice", None))
        return ToolChoice("tool", name)
    if isinstance(kind, str) and kind:
        return ToolChoice("tool", kind)  # a built-in tool
    raise wrong("tool_choice", value, "'auto', 'none', 'required' or an object that names a tool")


def by_name(request: ChatRequest | None) -> Mapping[str, Tool]:
    """The client's tools by their neutral names."""
    return {tool.name: tool for tool in request.tools if tool.opaque is None} if request is not None else {}


class Calls:
    """Writes the calls of one reply as the client's own tools want them."""

    def __init__(self, context: ReplyContext) -> None:
        self._renamed = context.renamed_tools
        self._request_id = context.request_id
        self._tools = by_name(context.request)

    def is_freeform(self, sent: str) -> bool:
        """Whether a call under this name is to a tool that takes one text."""
        tool = self._tools.get(self._renamed.get(sent, sent))
        return tool is not None and tool.freeform

    def item(self, call: ToolCall, id: str, status: str = "completed") -> dict[str, Any]:
        """The output item of a call."""
        name = self._renamed.get(call.name, call.name)
        tool = self._tools.get(name)
        call_id = told_id(call.id, self._request_id)
        written: dict[str, Any]
        if tool is not None and tool.freeform:
            text = input_of(call.arguments) if call.arguments else ""
            written = {"id": f"ctc_{id}", "type": "custom_tool_call", "call_id": call_id, "input": text}
        else:
            written = {"id": f"fc_{id}", "type": "function_call", "call_id": call_id, "arguments": call.arguments}
        written["status"] = status
        written["name"] = name
        if tool is not None and tool.namespace:
            written["name"] = name[len(tool.namespace) + len(JOINT) :]
            written["namespace"] = tool.namespace
        return written
