"""An answer's events through the rules."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.chat import (
    ArgumentsDelta,
    Ended,
    Finished,
    PartEnded,
    PartStarted,
    ReplyStarted,
    TextDelta,
    ThinkingDelta,
)
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.guarding.answer import AnswerGuard
from tollhouse.dataplane.guarding.engine import Matcher
from tollhouse.dataplane.guarding.inspector import Finding, Inspector
from tollhouse.dataplane.guarding.packs import built_in
from tollhouse.dataplane.guarding.vault import Vault

JUDGE = Inspector(Matcher(built_in("secrets").rules, "output"), {})
KEY = "sk-proj-q8Zr1tV9bKx3LwP0sYdF5hJ8nC2gU4eTaZiXomQ7"


def answer(text: str, arguments: str, size: int) -> list[Any]:
    """A text and a tool call in pieces."""
    cut = lambda whole: [whole[at : at + size] for at in range(0, len(whole), size)]  # noqa: E731
    return [
        ReplyStarted("1", "m"),
        PartStarted(0, 0, "text"),
        *[TextDelta(0, 0, piece) for piece in cut(text)],
        PartEnded(0, 0),
        PartStarted(0, 1, "tool_call", "c1", "mail"),
        *[ArgumentsDelta(0, 1, piece) for piece in cut(arguments)],
        PartEnded(0, 1),
        Finished(0, "tool_calls"),
        Ended(),
    ]


def guard(vault: Vault, decide: Any = lambda finding, role: "[R]", **more: Any) -> AnswerGuard:
    """Everything found becomes [R]."""
    return AnswerGuard(JUDGE.judge, decide, vault, **more)


def words(events: list[Any], kind: type) -> str:
    """What events of a kind say."""
    return "".join(getattr(one, "json", None) or getattr(one, "text", "") for one in events if isinstance(one, kind))


@pytest.mark.parametrize("size", [1, 4, 9, 500])
def test_harmless_events_leave_as_they_came(size: int) -> None:
    """The very objects, in order, none held back in the end."""
    events = answer("Plain words, 3 numbers 42 and a (link) [x].", '{"to":"nobody","n":12}', size)
    one = guard(Vault("7f3a"))
    out = [shown for event in events for shown in one.event(event)]
    assert len(out) == len(events)
    assert all(left is right for left, right in zip(out, events, strict=True))


@pytest.mark.parametrize("size", [1, 4, 9, 500])
def test_values_are_replaced_and_restored_in_text_and_arguments(size: int) -> None:
    """JSON stays JSON."""
    vault = Vault("7f3a")
    mark = vault.hide("NAME", 'Kim "K" Lee')
    one = guard(vault)
    events = answer(f"Hi {mark}, use {KEY} now", f'{{"to":"{mark}","key":"{KEY}"}}', size)
    out = [shown for event in events for shown in one.event(event)]
    assert words(out, TextDelta) == 'Hi Kim "K" Lee, use [R] now'
    assert words(out, ArgumentsDelta) == '{"to":"Kim \\"K\\" Lee","key":"[R]"}'
    assert [type(event) for event in out if not isinstance(event, TextDelta | ArgumentsDelta)] == [
        type(event) for event in events if not isinstance(event, TextDelta | ArgumentsDelta)
    ]


def test_reasoning_is_looked_at_and_not_changed() -> None:
    """Its maker signed it."""
    vault = Vault("7f3a")
    mark = vault.hide("NAME", "Kim")
    seen: list[str] = []

    def decide(finding: Finding, role: str) -> str | None:
        seen.append(role)
        return None

    one = guard(vault, decide)
    events = [PartStarted(0, 0, "thinking"), ThinkingDelta(0, 0, f"{mark} has {KEY} "), PartEnded(0, 0)]
    out = [shown for event in events for shown in one.event(event)]
    assert out == events
    assert seen == ["reasoning"]


def test_a_refusal_ends_it_before_the_match_leaves() -> None:
    """Nothing of the value was shown."""

    def refuse(finding: Finding, role: str) -> str | None:
        raise ClientError(400, "content_blocked", "no")

    one = guard(Vault("7f3a"), refuse)
    out: list[Any] = []

    def play() -> None:
        for event in answer(f"The key is {KEY} ok", "{}", 3):
            out.extend(one.event(event))

    with pytest.raises(ClientError):
        play()
    assert "sk-proj" not in words(out, TextDelta)


def test_whole_calls_are_told_before_the_choice_ends() -> None:
    """Name and arguments."""
    calls: list[tuple[str, str]] = []
    one = guard(Vault("7f3a"), call_ended=lambda name, told: calls.append((name, told)))
    for event in answer("x", '{"a":1}', 2):
        if isinstance(event, Finished):
            assert calls == [("mail", '{"a":1}')]
        one.event(event)
