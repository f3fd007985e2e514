"""Providers and models: what is accepted, and what is refused with which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.proto.resources import check_resource, parse

GOOD: list[tuple[str, str, dict[str, Any]]] = [
    ("providers", "p", {"type": "anthropic", "endpoint": "http://x", "auth": {"header": {"x-api-key": "$env://K"}}}),
    ("models", "gpt-5", {"targets": [{"provider": "p", "model": "gpt"}], "price": {"input": "0.15", "output": 3}}),
    (
        "models",
        "m",
        {
            "aliases": [],
            "targets": [{"provider": "p", "model": "x", "weight": 0, "priority": 2}],
            "capabilities": {"vision": True},
            "context_window": 0,
            "price": {},
        },
    ),
]


@pytest.mark.parametrize(("kind", "object_id", "value"), GOOD)
def test_accepts_apisix_json_and_ours(kind: str, object_id: str, value: dict[str, Any]) -> None:
    assert check_resource(kind, object_id, value) == []
    parse(kind, json.dumps(value), object_id)


BAD: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("providers", "p", {"type": "openai", "endpoint": "api.openai.com"}, ".endpoint", "http:// or https://"),
    ("providers", "p", {"type": "openai", "endpoint": "http://h\r\nx: y/"}, ".endpoint", "control characters"),
    ("providers", "p", {"type": "openai", "endpoint": "http://me:secret@h/"}, ".endpoint", "under auth.header"),
    ("providers", "p", {"type": "openai", "endpoint": "http://h:99999"}, ".endpoint", "1 to 65535"),
    ("providers", "p", {"type": "openai", "endpoint": "$env://WHERE"}, ".endpoint", "write it out"),
    ("providers", "p", {"type": "openai", "headers": {"x-a": "b\r\nx: y"}}, ".headers.x-a", "one line"),
    ("providers", "p", {"type": "openai", "headers": {"x a": "b"}}, ".headers.x a.[key]", "not the name of a header"),
    (
        "providers",
        "p",
        {"type": "openai", "auth": {"header": {"content-length": "1"}}},
        ".auth.header.content-length.[key]",
        "set by the gateway",
    ),
    ("providers", "p", {"type": "openai", "auth": {"header": {"x-k": "a\nb"}}}, ".auth.header.x-k", "one line"),
    ("providers", "p", {"type": "openai", "timeout": 0}, ".timeout", "greater than or equal to 1"),
    ("models", "m", {"targets": []}, ".targets", "at least 1 item"),
    ("models", "m", {"targets": [{"provider": "p", "model": "x"}], "price": {"input": "x"}}, ".price.input", "USD"),
    (
        "models",
        "m",
        {"targets": [{"provider": "p", "model": "x"}], "price": {"input": -1}},
        ".price.input",
        "0 or more",
    ),
]


@pytest.mark.parametrize(("kind", "object_id", "value", "path", "words"), BAD)
def test_refuses_with_the_field_and_a_sentence(
    kind: str, object_id: str, value: dict[str, Any], path: str, words: str
) -> None:
    problems = check_resource(kind, object_id, value)
    found = [str(problem) for problem in problems if problem.where == f"{kind}/{object_id}{path}"]
    assert any(words in text for text in found), problems
