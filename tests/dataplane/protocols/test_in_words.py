"""Structured output in words."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.chat import ResponseFormat
from tollhouse.dataplane.protocols._in_words import behind_system, in_words


def test_the_schema_is_told_where_there_is_one() -> None:
    assert "Schema" not in in_words(ResponseFormat("json_object"))
    assert in_words(ResponseFormat("json_schema", schema={"type": "array"})).endswith('{"type":"array"}')


def test_it_stands_behind_the_system_prompt() -> None:
    """So that what a provider caches stays the same."""
    messages: list[dict[str, Any]] = [{"role": "system"}, {"role": "developer"}, {"role": "user"}, {"role": "system"}]
    behind_system(messages, {"role": "told"})
    assert [one["role"] for one in messages] == ["system", "developer", "told", "user", "system"]
