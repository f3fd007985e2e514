"""Values to models, and what is wrong with them."""

from __future__ import annotations

import json

import pytest
from tollhouse.proto.resources import KINDS, apisix_schema, check_resource, parse
from tollhouse.proto.resources.secret import AwsSecret, VaultSecret

PEM = "-----BEGIN X-----" + "x" * 128


def test_secrets_do_not_show_in_problems() -> None:
    value = {"type": "openai", "auth": {"header": {"Authorization": 12345}}, "api_key": "sk-secret"}
    for problem in check_resource("providers", "p", value):
        assert "sk-secret" not in str(problem)
        assert "12345" not in str(problem)
    with pytest.raises(ValueError) as caught:
        parse("ssls", json.dumps({"cert": PEM, "key": "short-secret-key", "sni": "a"}))
    assert "short-secret-key" not in str(caught.value)


def test_every_kind_has_a_schema_with_a_sentence_under_every_field() -> None:
    for name in KINDS:
        schema = apisix_schema(name)
        for one in schema.get("oneOf", [schema]):
            for part in (one, *one.get("$defs", {}).values()):
                for field_name, field in part.get("properties", {}).items():
                    assert field.get("description") or "$ref" in field, (
                        f"{name}: {part['title']}.{field_name} has no sentence"
                    )


def test_what_is_no_object_and_no_kind_is_told() -> None:
    assert [str(problem) for problem in check_resource("routes", "1", [])] == [
        "error: routes/1: expected an object, came a list"
    ]
    assert "unknown kind 'nothing'" in str(check_resource("nothing", "1", {})[0])
    with pytest.raises(KeyError):
        parse("nothing", b"{}")
    with pytest.raises(ValueError):
        parse("routes", b"{")


def test_the_model_of_a_secret_follows_its_manager() -> None:
    vault = b'{"uri": "http://v", "prefix": "kv", "token": "t"}'
    assert isinstance(parse("secrets", vault, "vault/1"), VaultSecret)
    aws = b'{"access_key_id": "a", "secret_access_key": "s"}'
    assert isinstance(parse("secrets", aws, "aws/1"), AwsSecret)
