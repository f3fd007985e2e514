"""Finding secrets by the marks of a model."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field
from tollhouse.proto.resources import Route, Ssl
from tollhouse.proto.secret_marks import Change, change_secrets

Secret = Annotated[str, Field(json_schema_extra={"secret": True})]


class Node(BaseModel):
    secret: Secret | None = None
    parent: Node | None = None
    children: list[Node] = []
    named: dict[str, Node] = {}
    whole: Annotated[dict[str, Any], Field(json_schema_extra={"secret": True})] = {}


def found(value: Any, model: type[BaseModel], **others: Any) -> list[tuple[str, Any]]:
    """Path and stored counterpart of each secret."""
    seen: list[tuple[str, Any]] = []

    def note(secret: Change) -> str:
        seen.append((secret.path, secret.stored))
        return secret.text

    assert change_secrets(value, model, note, **others) == value
    return seen


def test_secrets_are_found_in_lists_maps_and_marked_wholes() -> None:
    value = {
        "secret": "a",
        "children": [{"secret": "b"}, {"secret": None}],
        "named": {"x": {"secret": "c"}},
        "whole": {"deep": [{"er": "d"}], "number": 5},
        "unknown": {"secret": "e"},
        "parent": {"parent": {"children": [{"secret": "f"}]}},
    }
    assert [path for path, _ in found(value, Node)] == [
        "secret",
        "children.0.secret",
        "named.x.secret",
        "whole.deep.0.er",
        "parent.parent.children.0.secret",
    ]


def test_stored_counterparts_go_by_name_then_by_position() -> None:
    stored = {"children": [{"name": "b", "secret": "sb"}, {"name": "a", "secret": "sa"}]}
    named = {"children": [{"name": "a", "secret": "1"}, {"name": "new", "secret": "2"}]}
    assert found(named, Node, stored=stored) == [("children.0.secret", "sa"), ("children.1.secret", None)]
    assert found({"children": [{"secret": "1"}]}, Node, stored=stored) == [("children.0.secret", "sb")]


def test_marks_of_resources() -> None:
    assert [path for path, _ in found({"key": "k", "keys": ["a", "b"], "cert": "c"}, Ssl)] == [
        "key",
        "keys.0",
        "keys.1",
    ]
    route = {"upstream": {"tls": {"client_key": "k", "client_cert": "c"}}, "plugins": {"x": {"key": "k"}}}
    assert [path for path, _ in found(route, Route)] == ["upstream.tls.client_key"]


def test_values_of_the_wrong_type_are_left_alone() -> None:
    for value in ({"secret": 5, "children": "x", "named": [], "whole": None}, [], "text", None):
        assert found(value, Node) == []
