"""Certificates: what is accepted, and what is refused with which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.proto.resources import check_resource, parse

PEM = "-----BEGIN X-----" + "x" * 128

GOOD: list[tuple[str, str, dict[str, Any]]] = [
    ("ssls", "1", {"cert": PEM, "key": PEM, "snis": ["a.com", "*.a.com"], "ssl_protocols": ["TLSv1.3"]}),
    ("ssls", "1", {"cert": PEM, "key": "$sealed://a/b", "sni": "a.com", "client": {"ca": PEM}}),
]


@pytest.mark.parametrize(("kind", "object_id", "value"), GOOD)
def test_accepts_apisix_json_and_ours(kind: str, object_id: str, value: dict[str, Any]) -> None:
    assert check_resource(kind, object_id, value) == []
    parse(kind, json.dumps(value), object_id)


BAD: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("ssls", "1", {"cert": PEM, "key": PEM}, "", "exactly one of sni and snis"),
    ("ssls", "1", {"cert": "x", "key": PEM, "sni": "a"}, ".cert", "PEM text"),
    ("ssls", "1", {"cert": PEM, "key": PEM, "sni": "a", "certs": [PEM]}, "", "as many keys"),
]


@pytest.mark.parametrize(("kind", "object_id", "value", "path", "words"), BAD)
def test_refuses_with_the_field_and_a_sentence(
    kind: str, object_id: str, value: dict[str, Any], path: str, words: str
) -> None:
    problems = check_resource(kind, object_id, value)
    found = [str(problem) for problem in problems if problem.where == f"{kind}/{object_id}{path}"]
    assert any(words in text for text in found), problems
