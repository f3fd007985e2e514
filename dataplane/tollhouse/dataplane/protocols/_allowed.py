"""A choice restricted to some of the tools: few formats have one, so elsewhere only those tools are offered."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tollhouse.dataplane.chat import Tool, ToolChoice


def restrict(
    tools: list[Tool], names: Sequence[str], *, kinds: Collection[str] = (), required: bool
) -> tuple[list[Tool], ToolChoice]:
    """The tools among the functions named and the built-in ``kinds``, and the choice among them: the only one is a
    forced tool where one must be called, and so is the first named where none was declared, which writers then leave
    out by name."""
    kept = [tool for tool in tools if tool.name in (names if tool.opaque is None else kinds)]
    if not required:
        return kept, ToolChoice("auto")
    few = list(dict.fromkeys(tool.name for tool in kept)) or [*names, *kinds][:1]
    return kept, ToolChoice("tool", few[0]) if len(few) == 1 else ToolChoice("required")
