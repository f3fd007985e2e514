"""The tools a request offers, in any of the served formats: by name, and taken out again."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from tollhouse.dataplane.document import RequestDocument

Keep = Callable[[str], bool]
"""Whether a tool of this name stays."""

_LISTS = ("tools", "functions", "mcp_servers")
_CHOICES = ("tool_choice", "function_call", "toolConfig", "tool_config")
_DECLARED = ("functionDeclarations", "function_declarations")
"""Gemini puts several tools into one entry; its API takes both spellings."""
JOINT = "__"
"""Between the names of a group and of a tool in it, as calls come back."""
_ITEM = b'"additional_tools"'
_SETTINGS = {"web_search_options": "web_search"}
"""Fields by which a request turns on a tool of the provider."""


def keep_tools(document: RequestDocument, keep: Keep) -> bool:
    """Take out what may not stay, and a choice that names it. Whether anything was changed."""
    gone: list[str] = []

    def kept(name: str) -> bool:
        if not keep(name):
            gone.append(name)
            return False
        return True

    left = 0
    for field in _LISTS:
        tools = document.get(field)
        tools = [tools] if isinstance(tools, dict) else tools  # as Google takes a single one
        if not isinstance(tools, list):
            continue
        before = len(gone)
        staying = [one for tool in tools if (one := _kept(tool, kept)) is not None]
        left += len(staying)
        if len(gone) > before:
            document.set(field, staying) if staying else document.remove(field)
    left += _in_conversation(document, kept)
    for field, name in _SETTINGS.items():
        if field in document and not kept(name):
            document.remove(field)
    if not gone:
        return False
    for field in _CHOICES:
        if field in document and (not left or _mentions(document.get(field), frozenset(gone))):
            document.remove(field)
    return True


def _in_conversation(document: RequestDocument, kept: Keep) -> int:
    """Tools that stand in an item of responses, as Codex gives them to its newest models. Returns how many stay."""
    raw = document.raw_field("input")
    items = document.get("input") if _ITEM in raw or b"\\u" in raw else None
    if not isinstance(items, list):
        return 0
    written: list[Any] = []
    for item in items:
        if isinstance(item, dict) and item.get("type") == "additional_tools" and isinstance(item.get("tools"), list):
            item = {**item, "tools": [one for tool in item["tools"] if (one := _kept(tool, kept)) is not None]}
            if not item["tools"]:
                continue
        written.append(item)
    if written != items:
        document.set("input", written)
    return sum(len(item["tools"]) for item in written if isinstance(item, dict) and isinstance(item.get("tools"), list))


def _kept(tool: Any, kept: Keep) -> Any:
    """The entry as it may stay; None when it may not."""
    if not isinstance(tool, dict):
        return tool if kept("") else None
    inner = tool.get("tools")
    if tool.get("type") == "namespace" and isinstance(inner, list):  # Responses' groups
        group = tool.get("name")
        staying = [one for one in inner if kept(f"{group}{JOINT}{tool_name(one)}")]
        return ({**tool, "tools": staying} if len(staying) < len(inner) else tool) if staying else None
    for field in _DECLARED:
        declared = tool.get(field)
        declared = [declared] if isinstance(declared, dict) else declared
        if isinstance(declared, list):
            staying = [one for one in declared if kept(tool_name(one))]
            if len(staying) == len(declared):
                continue
            tool = {name: inner for name, inner in tool.items() if name != field}
            tool |= {field: staying} if staying else {}
    if not tool:
        return None
    own = [name for name in tool if name not in _DECLARED] if any(field in tool for field in _DECLARED) else None
    if own is None:
        return tool if kept(tool_name(tool)) else None
    for name in own:
        if not kept(name):
            tool = {field: inner for field, inner in tool.items() if field != name}
    return tool or None


def tool_name(tool: Any) -> str:
    """What a tool is called: its name, else its type (tools the provider runs), else the one thing it holds."""
    if not isinstance(tool, dict):
        return ""
    for holder in (tool.get("function"), tool.get("custom"), tool):
        if isinstance(holder, dict) and isinstance(holder.get("name"), str):
            return str(holder["name"])
    kind = tool.get("type")
    if isinstance(kind, str):
        return kind
    return next(iter(tool)) if len(tool) == 1 else ""


def _mentions(value: Any, names: frozenset[str]) -> bool:
    """Whether a choice of tools is about one of these."""
    if isinstance(value, str):
        return value in names
    if isinstance(value, list):
        return any(_mentions(inner, names) for inner in value)
    return isinstance(value, dict) and any(_mentions(inner, names) for inner in value.values())


def folded(name: str) -> str:
    """A name as rules that forbid compare it: look-alike spellings are one, as some clients call tools by them."""
    plain = name if name.isascii() else unicodedata.normalize("NFKC", name)
    return plain.strip().casefold()
