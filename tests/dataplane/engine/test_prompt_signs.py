"""The same work looks equally difficult in every format."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.prompt_signs import signs_of
from tollhouse.dataplane.engine.strategies.difficulty import Signs

FORMATS: list[dict[str, Any]] = [
    {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Prove it"}]},
    {"system": "s", "messages": [{"role": "user", "content": [{"type": "text", "text": "Prove it"}]}]},
    {"instructions": "s", "input": "Prove it"},
    {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Prove it"}]}]},
    {"contents": [{"role": "user", "parts": [{"text": "Prove it"}]}]},
    {"prompt": "Prove it"},
]


def signs(body: dict[str, Any], structured: bool = False) -> Signs:
    raw = json.dumps(body).encode()
    return signs_of(RequestDocument(raw), len(raw), structured=structured)


@pytest.mark.parametrize("body", FORMATS)
def test_the_newest_words_are_found(body: dict[str, Any]) -> None:
    found = signs(body)
    assert (found.newest, found.reasoning, found.structured) == ("Prove it", False, False)
    assert found.messages == len(body.get("messages", "x"))


@pytest.mark.parametrize(
    ("asked", "reasoning"),
    [
        ({"reasoning_effort": "high"}, True),
        ({"reasoning_effort": "minimal"}, False),
        ({"reasoning": {"effort": "medium"}}, True),
        ({"reasoning": {"summary": "auto"}}, False),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, True),
        ({"thinking": {"type": "adaptive"}}, True),
        ({"thinking": {"type": "disabled"}}, False),
        ({"output_config": {"effort": "max"}}, True),
        ({"generationConfig": {"thinkingConfig": {"thinkingBudget": 2048}}}, True),
        ({"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}}}, True),
        ({"generation_config": {"thinking_config": {"thinking_level": "high"}}}, True),
        ({"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}, False),
        ({"generationConfig": "odd", "reasoning": 7}, False),
    ],
)
def test_a_request_to_think_is_seen_in_every_spelling(asked: dict[str, Any], reasoning: bool) -> None:
    assert signs({**FORMATS[0], **asked}).reasoning is reasoning


def test_tool_results_are_not_the_users_words() -> None:
    """So that a task stays in its tier while its tools return this and that."""
    call = {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "1", "output": "Traceback: deadlock"}
    assert signs({"input": [{"role": "user", "content": "Say hello"}, call, result]}).newest == "Say hello"


def test_what_cannot_be_read_shows_nothing() -> None:
    assert signs({"messages": 7}) == Signs("")
    assert signs({"messages": "x"}, structured=True) == Signs("")
