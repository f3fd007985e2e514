"""Secret stores: what is accepted, and what is refused with which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.proto.resources import check_resource, parse

GOOD: list[tuple[str, str, dict[str, Any]]] = [
    ("secrets", "vault/1", {"id": "vault/1", "uri": "http://127.0.0.1:8200", "prefix": "kv", "token": "t"}),
    ("secrets", "aws/1", {"access_key_id": "a", "secret_access_key": "$env://S"}),
    ("secrets", "gcp/1", {"auth_file": "/etc/gcp.json"}),
    ("protos", "1", {"content": 'syntax = "proto3";'}),
]


@pytest.mark.parametrize(("kind", "object_id", "value"), GOOD)
def test_accepts_apisix_json_and_ours(kind: str, object_id: str, value: dict[str, Any]) -> None:
    assert check_resource(kind, object_id, value) == []
    parse(kind, json.dumps(value), object_id)


BAD: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("secrets", "azure/1", {}, "", "not a secret manager"),
    ("secrets", "aws/1", {"access_key_id": "a"}, ".secret_access_key", "required and missing"),
]


@pytest.mark.parametrize(("kind", "object_id", "value", "path", "words"), BAD)
def test_refuses_with_the_field_and_a_sentence(
    kind: str, object_id: str, value: dict[str, Any], path: str, words: str
) -> None:
    problems = check_resource(kind, object_id, value)
    found = [str(problem) for problem in problems if problem.where == f"{kind}/{object_id}{path}"]
    assert any(words in text for text in found), problems
