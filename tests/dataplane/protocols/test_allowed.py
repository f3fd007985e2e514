"""A choice restricted to some tools: the others are nowhere offered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.errors import ClientError

from tests.support.golden import FORMATS, SPOKEN
from tests.support.protocols import document, protocol

CROSSINGS = [(source, target) for source in FORMATS[:1] + FORMATS[2:] for target in SPOKEN if target != source]
DECLARED = ("read_it", "list_it", "delete_it")


def asked(source: str, mode: str, *names: str) -> dict[str, Any]:
    """A request that declares three tools and allows those named."""
    if source == "gemini_generate":
        config = {"mode": "ANY" if mode == "required" else "VALIDATED", "allowedFunctionNames": names}
        return {
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            "tools": [{"functionDeclarations": [{"name": name} for name in DECLARED]}],
            "toolConfig": {"functionCallingConfig": config},
        }
    if source == "openai_responses":
        return {
            "model": "m",
            "input": "hi",
            "tools": [{"type": "function", "name": name} for name in DECLARED],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": mode,
                "tools": [{"type": "function", "name": name} for name in names],
            },
        }
    allowed = [{"type": "function", "function": {"name": name}} for name in names]
    return {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"type": "function", "function": {"name": name}} for name in DECLARED],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}},
    }


def translated(source: str, target: str, mode: str, *names: str) -> tuple[str, list[str]]:
    """The body in the target's format and what was dropped."""
    chat = protocol(source).decode_request(document(asked(source, mode, *names)))
    encoded = protocol(target).encode_request(chat, max_output_tokens=None)
    return json.dumps(encoded.body), encoded.dropped


@pytest.mark.parametrize(("source", "target"), CROSSINGS)
@pytest.mark.parametrize("mode", ["auto", "required"])
def test_tools_that_are_not_allowed_are_not_offered(source: str, target: str, mode: str) -> None:
    body, dropped = translated(source, target, mode, "read_it", "list_it")
    assert "read_it" in body
    assert "list_it" in body
    assert "delete_it" not in body
    assert dropped == []
    forced = {"openai_chat": '"required"', "openai_responses": '"required"', "gemini_generate": '"ANY"'}
    assert (forced.get(target, '"any"') in body) is (mode == "required")


@pytest.mark.parametrize(("source", "target"), CROSSINGS)
def test_the_only_tool_allowed_is_forced_where_one_must_be_called(source: str, target: str) -> None:
    body, dropped = translated(source, target, "required", "read_it")
    assert body.count("read_it") == 2  # declared and chosen
    assert "list_it" not in body
    assert dropped == []


@pytest.mark.parametrize(("source", "target"), CROSSINGS)
def test_where_none_of_the_allowed_tools_is_declared_no_tool_can_be_called(source: str, target: str) -> None:
    body, dropped = translated(source, target, "required", "unheard_of", "unknown")
    assert not any(name in body for name in (*DECLARED, "unheard_of"))
    assert dropped == ["tool_choice"]


@pytest.mark.parametrize(
    ("source", "where"),
    [("openai_chat", "tool_choice.allowed_tools.tools"), ("openai_responses", "tool_choice.tools")],
)
def test_a_restriction_to_nothing_is_refused_by_name(source: str, where: str) -> None:
    with pytest.raises(ClientError) as caught:
        protocol(source).decode_request(document(asked(source, "auto")))
    assert caught.value.param == where


@pytest.mark.parametrize("kind", ["openai_responses", "gemini_generate"])
def test_the_restriction_comes_back_as_it_came_in_its_own_format(kind: str) -> None:
    body = asked(kind, "required", "read_it", "list_it")
    chat = protocol(kind).decode_request(document(body))
    assert protocol(kind).encode_request(chat, max_output_tokens=None).body == json.loads(json.dumps(body))


def test_an_allowed_built_in_tool_does_not_allow_a_function_of_its_name() -> None:
    body = asked("openai_responses", "auto", "read_it")
    body["tools"].append({"type": "function", "name": "web_search"})
    body["tool_choice"]["tools"].append({"type": "web_search"})
    chat = protocol("openai_responses").decode_request(document(body))
    assert [tool.name for tool in chat.tools] == ["read_it"]


@pytest.mark.parametrize("target", [name for name in SPOKEN if name != "openai_chat"])
def test_a_forced_tool_that_is_not_declared_is_left_out_by_name(target: str) -> None:
    body = {
        **asked("openai_chat", "auto", "read_it"),
        "tool_choice": {"type": "function", "function": {"name": "x_it"}},
    }
    encoded = protocol(target).encode_request(
        protocol("openai_chat").decode_request(document(body)), max_output_tokens=None
    )
    assert encoded.dropped == ["tool_choice"]
    assert "x_it" not in json.dumps(encoded.body)
    assert "read_it" in json.dumps(encoded.body)
