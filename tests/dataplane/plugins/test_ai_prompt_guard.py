"""Prompts that match what is denied are refused, whoever's words they are."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.plugins.ai_prompt_guard import AiPromptGuard
from tollhouse.dataplane.records.verdicts import verdicts_of

from tests.support.prompts import configured, exchange

DENY = ["DROP TABLE", "DELETE FROM"]
EVIL = "please DROP TABLE users"


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def judged(
    messages: list[Any], protocol: str = "openai_chat", body: dict[str, Any] | None = None, **config: Any
) -> str:
    """What the guard says: the message of its refusal, or ``passed``."""
    guard = configured("ai-prompt-guard", **{"deny_patterns": DENY, **config})
    try:
        guard.request(exchange({"model": "m", "messages": messages, **(body or {})}, protocol))
    except ClientError as error:
        return error.message
    return "passed"


DENIED = "Request contains prohibited content"


@pytest.mark.parametrize(
    "messages",
    [
        [user(EVIL)],
        [user([{"type": "text", "text": EVIL}])],
        [user([{"type": "text", "text": "DROP TA"}, {"type": "text", "text": "BLE x"}])],
        [user([{"type": "text", "text": "DROP"}, {"type": "text", "text": "TABLE x"}])],
        [user("go"), assistant(None, tool_calls=[]), {"role": "tool", "tool_call_id": "a", "content": EVIL}],
        [
            user("go"),
            assistant(None),
            {"role": "tool", "tool_call_id": "a", "content": EVIL},
            {"role": "tool", "tool_call_id": "b", "content": "fine"},
        ],
        [user(EVIL), {"role": "system", "content": "be quick"}],
        [assistant(EVIL)],
        [user([{"type": "tool_result", "tool_use_id": "a", "content": EVIL}])],
        [user([{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": EVIL}]}])],
        [user([{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": EVIL}}])],
        [user([{"type": "search_result", "title": EVIL, "source": "x", "content": []}])],
    ],
)
def test_what_is_new_is_judged_whoever_says_it(messages: list[Any]) -> None:
    assert judged(messages) == DENIED
    assert judged(messages, "anthropic_messages") == DENIED


@pytest.mark.parametrize(
    "messages",
    [
        [user("Write a function to validate email addresses")],
        [user("drop table users")],  # patterns are case sensitive, as APISIX's
        [user(EVIL), assistant("no"), user("ok then")],
        [{"role": "system", "content": "never " + EVIL}, user("hi")],
        [user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,DROP TABLE"}}])],
    ],
)
def test_what_is_not_denied_passes(messages: list[Any]) -> None:
    assert judged(messages) == "passed"


def test_the_whole_conversation_and_all_roles_are_judged_where_asked_for() -> None:
    old = [user(EVIL), assistant("no"), user("ok")]
    assert judged(old, match_all_conversation_history=True) == DENIED
    said = [user("hi"), assistant(EVIL), user("ok")]
    assert judged(said, match_all_conversation_history=True) == "passed"
    assert judged(said, match_all_conversation_history=True, match_all_roles=True) == DENIED
    system = {"system": [{"type": "text", "text": EVIL}]}
    every = {"match_all_conversation_history": True, "match_all_roles": True}
    assert judged([user("hi")], "anthropic_messages", system, **every) == DENIED
    arguments = [{"id": "a", "type": "function", "function": {"name": "sql", "arguments": '{"q": "DROP TABLE x"}'}}]
    assert judged([user("hi"), assistant(None, tool_calls=arguments), user("ok")], **every) == DENIED
    assert judged([{"role": "system", "content": EVIL}, user("hi")], match_all_roles=True) == DENIED


def test_escapes_do_not_hide_anything() -> None:
    guard = configured("ai-prompt-guard", deny_patterns=DENY)
    ex = exchange({"model": "m"})
    ex.document = RequestDocument(rb'{"messages":[{"role":"user","content":"\u0044ROP \u0054ABLE"}]}')
    with pytest.raises(ClientError):
        guard.request(ex)


def test_an_allow_list_is_about_what_the_user_says() -> None:
    config = {"deny_patterns": [], "allow_patterns": ["python", "(?i)sql"]}
    refusal = "Request doesn't match allow patterns"
    assert judged([user("a python function")], **config) == "passed"
    assert judged([user("SQL please")], **config) == "passed"
    assert judged([user("a poem")], **config) == refusal
    assert judged(
        [user("python"), assistant(None), {"role": "tool", "tool_call_id": "a", "content": "42"}], **config
    ) == ("passed")
    results = [user("python"), assistant("x"), user([{"type": "tool_result", "tool_use_id": "a", "content": "42"}])]
    assert judged(results, "anthropic_messages", **config) == "passed"
    both = {"allow_patterns": ["python"], "deny_patterns": DENY}
    assert judged([user("python " + EVIL)], **both) == DENIED


def test_a_refusal_has_apisixs_words_and_leaves_a_trace_of_the_rule() -> None:
    guard = configured("ai-prompt-guard", deny_patterns=DENY)
    ex = exchange({"messages": [user("DELETE FROM x")]})
    with pytest.raises(ClientError) as caught:
        guard.request(ex)
    assert (caught.value.status, caught.value.code) == (400, "prompt_denied")
    assert caught.value.apisix_body == {"message": DENIED}
    assert [(one.rule, one.action) for one in verdicts_of(ex)] == [("prompt/deny_patterns[1]", "block")]


def test_other_bodies_with_a_prompt_are_judged_too() -> None:
    guard = configured("ai-prompt-guard", deny_patterns=DENY)
    for body in ({"input": EVIL}, {"input": ["a", EVIL]}, {"prompt": EVIL}):
        with pytest.raises(ClientError):
            guard.request(exchange(body, ""))
    guard.request(exchange({"input": ["a", "b"]}, ""))
    guard.request(exchange(None, ""))


def test_what_cannot_be_judged_is_refused_unless_the_operator_says_otherwise(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(ClientError) as caught:
        configured("ai-prompt-guard", deny_patterns=DENY).request(exchange({"text": EVIL}, ""))
    assert caught.value.code == "prompt_unreadable"
    with pytest.raises(ClientError):
        configured("ai-prompt-guard", deny_patterns=DENY).request(exchange({"messages": EVIL}))
    configured("ai-prompt-guard", deny_patterns=DENY, fail_mode="skip").request(exchange({"text": EVIL}, ""))
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        configured("ai-prompt-guard", deny_patterns=DENY, fail_mode="warn").request(exchange({"text": EVIL}, ""))
    assert EVIL not in caplog.text
    assert len(caplog.records) == 1


def test_bodies_over_the_plugins_own_limit_are_refused() -> None:
    guard = configured("ai-prompt-guard", max_req_body_size=10)
    with pytest.raises(ClientError) as caught:
        guard.request(exchange({"messages": [user("hi")]}))
    assert caught.value.status == 413


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", r"(a)\1", "[z-a]"])
def test_a_pattern_re2_does_not_take_is_a_mistake_with_its_place(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"deny_patterns\[1\] is not a regular expression"):
        configured("ai-prompt-guard", deny_patterns=["fine", pattern])


def test_hostile_patterns_and_texts_take_no_time() -> None:
    assert judged([user("a" * 200_000 + "!")], deny_patterns=["(a+)+$", "(a|aa)*b"]) == "passed"


def test_the_tutorials_spellings_are_stored_in_the_documented_form() -> None:
    config: dict[str, Any] = {"enable": True, "block_patterns": DENY}
    notes = AiPromptGuard.normalise(config, {})
    assert config == {"deny_patterns": DENY}
    assert any("block_patterns" in note for note in notes)

    config = {"enable": False, "block_patterns": ["a"], "deny_patterns": ["b"]}
    AiPromptGuard.normalise(config, {})
    assert config == {"deny_patterns": ["b", "a"], "_meta": {"disable": True}}

    config = {"enable": "yes", "block_patterns": 7}
    AiPromptGuard.normalise(config, {})
    assert config == {"enable": "yes", "deny_patterns": 7}
