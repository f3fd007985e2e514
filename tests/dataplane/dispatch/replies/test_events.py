"""Whole replies as events and back."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.chat import (
    ChatReply,
    Choice,
    Ended,
    Part,
    Refusal,
    Text,
    TextDelta,
    Thinking,
    ToolCall,
    Usage,
    UsageReported,
)
from tollhouse.dataplane.dispatch.replies.events import fold, text_size, to_events
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange

from tests.support.dispatching import Bench, chat, data_lines, instance
from tests.support.providers import OPENAI_STREAM, answer, anthropic_reply, openai_reply, providers, stream


def reply() -> ChatReply:
    """One of everything."""
    parts: list[Part] = [
        Thinking("hm", "sig"),
        Thinking(redacted="xx"),
        Text("hello"),
        ToolCall("c1", "find", '{"a":1}'),
        Refusal("no"),
    ]
    return ChatReply("id", "m", [Choice(parts, "tool_calls"), Choice([Text("second")])], Usage(3, 1, 0, 0, 2), 7)


def test_there_and_back_is_the_same() -> None:
    """Nothing a hook leaves alone is lost."""
    assert fold(to_events(reply()), reply()) == reply()


def test_what_hooks_change_is_what_the_client_gets() -> None:
    """Text, usage and the end are taken from the events."""
    events = []
    for event in to_events(reply()):
        if isinstance(event, TextDelta):
            event.text = event.text.upper()
        events.append(UsageReported(Usage(9)) if isinstance(event, UsageReported) else event)
    folded = fold(events, reply())
    assert folded.choices[1].parts == [Text("SECOND")]
    assert folded.usage == Usage(9)


def test_sizes_count_what_was_written() -> None:
    """For estimates: text, thinking and arguments; not the frame."""
    assert sum(map(text_size, to_events(reply()))) == len("hm" + "hello" + "find" + '{"a":1}' + "no" + "second")
    assert text_size(Ended()) == 0


def shout(ex: Exchange, event: Any) -> list[Any]:
    """A hook that edits, drops and adds."""
    if isinstance(event, TextDelta):
        event.text = event.text.upper()
        return [event, TextDelta(event.choice, event.index, "!")]
    return [event]


async def test_hooks_see_every_answer(gate: Bench) -> None:
    """Whole or streamed, same format or not: what the hook makes of it is what the client reads."""
    scripts = (answer(200, openai_reply("hi")), answer(200, anthropic_reply("hi")), stream(*OPENAI_STREAM))
    async with providers(*scripts) as fakes:
        for fake, provider, streamed in zip(
            fakes, ("openai", "anthropic", "openai"), (False, False, True), strict=True
        ):
            await gate.multi(instance("a", provider, fake.url))
            route = gate.gateway.snapshot.routes["r"]
            gate.gateway.snapshot.pipeline(route, None).event_hooks = (shout,)
            got = await gate.ask(chat(stream=streamed))
            if streamed:
                texts = [one["choices"][0]["delta"].get("content") for one in data_lines(got.body) if one["choices"]]
                assert "".join(text or "" for text in texts) == "HELLO! THERE!"
            else:
                assert got.json["choices"][0]["message"]["content"] == "HI!"
            assert got.ex.usage is not None
            assert not got.ex.usage.estimated


@pytest.mark.parametrize(("limit", "status"), [(1, 400), (2, 200)])
async def test_a_hook_that_refuses_the_beginning_gives_a_plain_error(gate: Bench, limit: int, status: int) -> None:
    """Nothing has been sent yet, so it is a status and a body; later it is an error event. Both are paid for."""
    count = 0

    def refuse(ex: Exchange, event: Any) -> list[Any]:
        nonlocal count
        if isinstance(event, TextDelta):
            count += 1
            if count >= limit:
                raise ClientError(400, "content_blocked", "The answer is not allowed.")
        return [event]

    async with providers(stream(*OPENAI_STREAM[:2], 0.05, *OPENAI_STREAM[2:])) as [fake]:
        await gate.multi(instance("a", "openai", fake.url))
        route = gate.gateway.snapshot.routes["r"]
        gate.gateway.snapshot.pipeline(route, None).event_hooks = (refuse,)
        got = await gate.ask(chat(stream=True))
        assert got.status == status
        assert b"The answer is not allowed." in got.body
        assert got.ex.cost_nano > 0
        assert [state.in_flight for state in gate.services.targets] == [0]
