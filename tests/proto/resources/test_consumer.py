"""Consumers, credentials and groups: what is accepted, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.proto.resources import check_resource, parse

GOOD: list[tuple[str, str, dict[str, Any]]] = [
    ("consumers", "bob", {"username": "bob", "group_id": "g", "plugins": {"key-auth": {"key": "k"}}}),
    ("credentials", "bob/c", {"id": "c", "plugins": {"key-auth": {"key": "k"}}}),
    ("consumer_groups", "g", {"plugins": {}}),
]


@pytest.mark.parametrize(("kind", "object_id", "value"), GOOD)
def test_accepts_apisix_json_and_ours(kind: str, object_id: str, value: dict[str, Any]) -> None:
    assert check_resource(kind, object_id, value) == []
    parse(kind, json.dumps(value), object_id)


BAD: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("consumers", "b b", {"username": "b b"}, "", "a username is"),
    ("consumers", "bob", {}, ".username", "required and missing"),
    ("credentials", "c", {"plugins": {}}, "", "has the form username/id"),
]


@pytest.mark.parametrize(("kind", "object_id", "value", "path", "words"), BAD)
def test_refuses_with_the_field_and_a_sentence(
    kind: str, object_id: str, value: dict[str, Any], path: str, words: str
) -> None:
    problems = check_resource(kind, object_id, value)
    found = [str(problem) for problem in problems if problem.where == f"{kind}/{object_id}{path}"]
    assert any(words in text for text in found), problems
