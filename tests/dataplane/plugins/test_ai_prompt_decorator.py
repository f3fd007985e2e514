"""The operator's messages stand around the client's, in either chat format."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.registry import protocols_by_name

from tests.support.prompts import configured, exchange

BEFORE = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Context."}]
AFTER = [{"role": "user", "content": "In French."}, {"role": "system", "content": "Never swear."}]
HI = {"role": "user", "content": "hi"}


def decorated(protocol: str, **body: Any) -> dict[str, Any]:
    ex = exchange({"model": "m", "messages": [HI], **body}, protocol)
    configured("ai-prompt-decorator", prepend=BEFORE, append=AFTER).request(ex)
    assert ex.document is not None
    assert ex.chat.messages  # still a request both formats read
    return ex.document.as_dict()


def test_openai_messages_are_surrounded() -> None:
    assert decorated("openai_chat")["messages"] == [*BEFORE, HI, *AFTER]


def test_anthropic_system_prompts_go_where_they_belong() -> None:
    body = decorated("anthropic_messages", system="Own.")
    assert body["system"] == "Be brief.\n\nOwn.\n\nNever swear."
    assert body["messages"] == [BEFORE[1], HI, AFTER[0]]
    blocks = [{"type": "text", "text": "Own.", "cache_control": {"type": "ephemeral"}}]
    system = decorated("anthropic_messages", system=blocks)["system"]
    assert [block["text"] for block in system] == ["Be brief.", "Own.", "Never swear."]
    assert system[1] == blocks[0]
    assert decorated("anthropic_messages")["system"] == "Be brief.\n\nNever swear."


def test_what_was_read_before_is_forgotten() -> None:
    ex = exchange({"model": "m", "messages": [HI]})
    assert len(ex.chat.messages) == 1
    configured("ai-prompt-decorator", append=[HI]).request(ex)
    assert len(ex.chat.messages) == 2


def test_bodies_without_messages_are_left_alone_and_broken_ones_refused() -> None:
    plugin = configured("ai-prompt-decorator", append=[HI])
    ex = exchange({"input": "x"}, "")
    plugin.request(ex)
    assert ex.document is not None
    assert ex.document.encode() is ex.document.raw
    plugin.request(exchange(None, ""))
    with pytest.raises(ClientError):
        plugin.request(exchange({"messages": "x"}))


@pytest.mark.parametrize(
    "config", [{}, {"prepend": []}, {"prepend": [{"role": "tool", "content": "x"}]}, {"append": [{"role": "user"}]}]
)
def test_configs_that_do_nothing_or_make_no_sense_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        configured("ai-prompt-decorator", **config)


def test_responses_get_items_and_googles_contents_their_own_shapes() -> None:
    """A string input becomes an item; system texts go into the system instruction."""
    both = {"prepend": [{"role": "system", "content": "S"}], "append": [{"role": "assistant", "content": "A"}]}
    plugin = configured("ai-prompt-decorator", **both)
    ex = exchange({"input": "hi"}, "openai_chat")
    ex.protocol = protocols_by_name()["openai_responses"]
    plugin.request(ex)
    assert ex.document is not None
    assert ex.document.get("input") == [both["prepend"][0], {"role": "user", "content": "hi"}, both["append"][0]]
    ex = exchange(
        {"contents": [{"parts": [{"text": "hi"}]}], "systemInstruction": {"parts": [{"text": "B"}]}}, "openai_chat"
    )
    ex.protocol = protocols_by_name()["gemini_generate"]
    plugin.request(ex)
    assert ex.document is not None
    assert ex.document.get("systemInstruction") == {"parts": [{"text": "S"}, {"text": "B"}]}
    assert ex.document.get("contents")[-1] == {"role": "model", "parts": [{"text": "A"}]}


def test_googles_single_values_are_decorated_too() -> None:
    """Google takes an object in place of an array of one."""
    both = {"prepend": [{"role": "system", "content": "S"}], "append": [{"role": "assistant", "content": "A"}]}
    plugin = configured("ai-prompt-decorator", **both)
    single = {"contents": {"parts": {"text": "hi"}}, "systemInstruction": {"parts": {"text": "B"}}}
    ex = exchange(single, "openai_chat")
    ex.protocol = protocols_by_name()["gemini_generate"]
    plugin.request(ex)
    assert ex.document is not None
    assert ex.document.get("systemInstruction") == {"parts": [{"text": "S"}, {"text": "B"}]}
    assert ex.document.get("contents")[0] == {"parts": {"text": "hi"}}
