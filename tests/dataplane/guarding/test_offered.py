"""Tools of a request by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.guarding.offered import folded, keep_tools, tool_name


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ({"type": "function", "function": {"name": "a"}}, "a"),
        ({"type": "custom", "custom": {"name": "a"}}, "a"),
        ({"type": "function", "name": "a"}, "a"),
        ({"name": "a", "input_schema": {}}, "a"),
        ({"type": "web_search"}, "web_search"),
        ({"googleSearch": {}}, "googleSearch"),
        ({"a": 1, "b": 2}, ""),
        ("a", ""),
    ],
)
def test_every_format_names_tools_in_its_way(tool: Any, name: str) -> None:
    """Tools of the provider go by their type."""
    assert tool_name(tool) == name


def test_what_stays_keeps_its_bytes() -> None:
    """A document nothing is taken out of is not written anew."""
    document = RequestDocument(b'{"tools" : [{"name":"a"}], "tool_choice":{"name":"a"}}')
    assert not keep_tools(document, lambda name: True)
    assert document.encode() == document.raw
    assert keep_tools(document, lambda name: False)
    assert document.encode() == b"{}"


@pytest.mark.parametrize(
    "tools",
    [
        {"functionDeclarations": {"name": "shell"}},
        [{"functionDeclarations": {"name": "shell"}}],
        {"function_declarations": [{"name": "shell"}]},
    ],
)
def test_single_values_google_takes_are_no_way_around(tools: Any) -> None:
    document = RequestDocument(json.dumps({"tools": tools}).encode())
    assert not keep_tools(document, lambda name: name == "shell")
    assert keep_tools(document, lambda name: name != "shell")
    assert document.encode() == b"{}"


@pytest.mark.parametrize("kind", ['"additional_tools"', '"additional\\u005ftools"'])
def test_tools_that_stand_in_the_conversation_are_offered_too(kind: str) -> None:
    """Codex's newest models get them so."""
    tools = '[{"type":"custom","name":"exec"},{"type":"function","name":"look"}]'
    raw = f'{{"input":[{{"type":{kind},"role":"developer","tools":{tools}}},{{"role":"user","content":"x"}}]}}'
    document = RequestDocument(raw.encode())
    assert not keep_tools(document, lambda name: True)
    assert document.encode() == document.raw
    assert keep_tools(document, lambda name: name == "look")
    items = json.loads(document.encode())["input"]
    assert [tool["name"] for tool in items[0]["tools"]] == ["look"]
    assert len(items) == 2


def test_tools_of_a_group_go_by_both_names() -> None:
    """As their calls come back; a group nothing is left of goes."""
    inner = [{"type": "function", "name": one} for one in ("read", "rm")]
    tools = [{"type": "namespace", "name": "fs", "tools": inner}]
    document = RequestDocument(json.dumps({"tools": tools}).encode())
    assert keep_tools(document, lambda name: name == "fs__read")
    assert document.get("tools")[0]["tools"] == [{"type": "function", "name": "read"}]
    assert keep_tools(document, lambda name: name == "fs")
    assert "tools" not in document


def test_names_that_look_alike_are_one() -> None:
    """Case, width, blanks."""
    assert folded(" \uff33hell") == folded("SHELL") == "shell"
