"""Objects to documents."""

from __future__ import annotations

from typing import Any

from tollhouse.proto.documents import dump_documents, dump_value, parse_documents


def test_dumped_objects_are_read_again() -> None:
    objects: list[tuple[str, str, dict[str, Any]]] = [
        ("credentials", "jack/c1", {"id": "c1", "plugins": {"key-auth": {"key": "********"}}}),
        ("consumers", "jack", {"username": "jack", "desc": "no", "create_time": 1}),
        ("secrets", "vault/1", {"uri": "http://v", "prefix": "kv", "token": "$env://T"}),
        ("routes", "r", {"id": "r", "uri": "/*", "update_time": 1, "desc": "line one\nline two\n"}),
    ]
    for form in ("yaml", "json"):
        text = dump_documents(objects, form)  # type: ignore[arg-type]
        parsed = parse_documents(text)
        assert not parsed.problems
        assert [(one.kind, one.id) for one in parsed.objects] == [
            ("routes", "r"),
            ("consumers", "jack"),
            ("credentials", "jack/c1"),
            ("secrets", "vault/1"),
        ]
        assert "_time" not in text
    assert "desc: |\n" in dump_documents(objects)


def test_text_that_looks_like_something_else_is_quoted_and_shared_values_are_repeated() -> None:
    shared = {"x": "1e3"}
    assert dump_value({"a": shared, "b": shared, "c": "no", "d": "plain"}) == (
        'a:\n  x: "1e3"\nb:\n  x: "1e3"\nc: \'no\'\nd: plain\n'
    )
