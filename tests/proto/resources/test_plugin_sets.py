"""Plugins outside routes: what is accepted, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.proto.resources import check_resource, parse

GOOD: list[tuple[str, str, dict[str, Any]]] = [
    ("plugin_configs", "p", {"plugins": {}}),
    ("global_rules", "g", {"plugins": {"prometheus": {}}}),
    ("plugin_metadata", "http-logger", {"log_format": {"a": "$host"}, "id": "http-logger"}),
]


@pytest.mark.parametrize(("kind", "object_id", "value"), GOOD)
def test_accepts_apisix_json_and_ours(kind: str, object_id: str, value: dict[str, Any]) -> None:
    assert check_resource(kind, object_id, value) == []
    parse(kind, json.dumps(value), object_id)


BAD: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("global_rules", "1", {}, ".plugins", "required and missing"),
    ("plugin_configs", "1", {"plugins": {"x": 1}}, ".plugins.x", "expected an object, came the number 1"),
    ("plugin_metadata", "", {}, "", "the name of a plugin"),
]


@pytest.mark.parametrize(("kind", "object_id", "value", "path", "words"), BAD)
def test_refuses_with_the_field_and_a_sentence(
    kind: str, object_id: str, value: dict[str, Any], path: str, words: str
) -> None:
    problems = check_resource(kind, object_id, value)
    found = [str(problem) for problem in problems if problem.where == f"{kind}/{object_id}{path}"]
    assert any(words in text for text in found), problems
