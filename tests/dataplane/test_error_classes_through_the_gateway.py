"""What vendors' errors lead to, through a whole gateway: who is asked next, what is shut, whose fault is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tollhouse.dataplane.dispatch.choosing.targets import states_of
from tollhouse.dataplane.records.log_entry import access_entry

from tests.support.dispatching import Answer, Bench, bench, chat, instance
from tests.support.providers import OPENAI_STREAM, answer, openai_reply, providers, stream

GOLDEN = Path(__file__).parents[1] / "golden" / "errors"
GOOD = answer(200, openai_reply())
ANY = {"fallback_strategy": "any"}
KEY = {"auth": {"header": {"authorization": "Bearer k"}}}


@pytest.fixture
async def gate() -> Any:
    """A gateway with a real transport."""
    async with bench() as made:
        yield made


def documented(vendor: str, says: str) -> Any:
    """A documented error as an answer."""
    cases = json.loads((GOLDEN / f"{vendor}.json").read_text())
    [case] = [one for one in cases if one["says"] == says]
    return answer(case["status"], case["body"], case.get("headers"))


def asked(got: Answer) -> list[str]:
    """The targets in the order of asking."""
    return [one.target for one in got.ex.attempts]


def models(url: str, *names: str) -> list[dict[str, Any]]:
    """Instances of one account, first one first."""
    return [
        instance(name, "openai", url, priority=len(names) - n, options={"model": f"model-{name}"})
        for n, name in enumerate(names)
    ]


@pytest.mark.parametrize(
    ("says", "shut"),
    [
        ("requests per minute, whose sentence advertises billing", {"a": "a", "b": "b"}),
        ("no money left", {"a": "", "b": ""}),
        ("a wrong key", {"a": "", "b": ""}),
        ("a project without the model", {"a": "a", "b": "b"}),
    ],
)
async def test_only_what_concerns_the_account_shuts_all_its_models(
    gate: Bench, says: str, shut: dict[str, str]
) -> None:
    """After the first model's refusal the second one of the same account is still asked, or not."""
    async with providers(documented("openai", says), GOOD) as [vendor, other]:
        await gate.multi(*models(vendor.url, "a", "b"), instance("c", "openai", other.url, priority=-1), **ANY)
        first = await gate.ask(chat())
        assert first.status == 200
        assert asked(first)[0] == "a"
        assert ("b" in asked(first)) is bool(shut["b"])


async def test_a_limit_per_minute_rests_as_long_as_google_says(gate: Bench) -> None:
    """By RetryInfo, as there is no header; clients hear of it when nobody else is left."""
    limited = documented("gemini", "the same through the face for OpenAI's clients")
    async with providers(limited, GOOD) as [vendor, other]:
        await gate.multi(
            instance("a", "gemini", vendor.url, priority=1, **KEY), instance("b", "openai", other.url), **ANY
        )
        assert asked(await gate.ask(chat())) == ["a", "b"]
        [state] = states_of(gate.services).named("a")
        assert 25 < state.wait_s(gate.services.clock.monotonic()) <= 26
        assert state.breaker.reason == "rate_limited"
        await gate.multi(instance("a", "gemini", vendor.url, **KEY), **ANY)
        alone = await gate.ask(chat())
        assert (alone.status, alone.header("retry-after")) == (429, "26")


@pytest.mark.parametrize("says", ["a call that did not parse", "an object that did not parse"])
async def test_what_is_over_in_a_moment_is_asked_of_the_same_once_more(gate: Bench, says: str) -> None:
    """Before the next: the vendor says that asking again helps. A second failure moves on."""
    again = documented("groq", says)
    async with providers((again, GOOD, again, again), GOOD) as [vendor, other]:
        await gate.multi(
            instance("a", "groq", vendor.url, priority=1, **KEY), instance("b", "openai", other.url), **ANY
        )
        assert asked(await gate.ask(chat())) == ["a", "a"]
        assert asked(await gate.ask(chat())) == ["a", "a", "b"]


async def test_a_model_without_tools_leaves_the_work_to_one_that_has_them(gate: Bench) -> None:
    """What a server says of its model is no fault of the request."""
    incapable = documented("openai-compatible", "Ollama: no tools")
    async with providers(incapable, GOOD) as [vendor, other]:
        local = instance("a", "openai-compatible", f"{vendor.url}/v1/chat/completions", priority=1)
        await gate.multi(local, instance("b", "openai", other.url), **ANY)
        assert asked(await gate.ask(chat())) == ["a", "b"]


@pytest.mark.parametrize(
    ("vendor", "says", "fault"),
    [
        ("openai", "a wrong parameter", "agent"),
        ("openai", "a wrong key", "gateway"),
        ("openai", "their server", "provider"),
        ("openai", "no such model", "agent"),
    ],
)
async def test_whose_fault_it_is_is_told_everywhere(gate: Bench, vendor: str, says: str, fault: str) -> None:
    """In the error's headers, the explanation, the log and the metrics."""
    async with providers(documented(vendor, says)) as [first]:
        await gate.multi(instance("a", vendor, first.url), explain=True, max_retries=0)
        got = await gate.ask(chat(), headers={"x-tollhouse-explain": "1"})
    assert got.header("x-tollhouse-fault") == fault
    assert f"the {fault}'s fault" in got.header("x-tollhouse-attempt-1")
    entry = access_entry(got.ex, 0.0)
    assert (entry["fault"], entry["attempts"][0]["fault"]) == (fault, fault)
    [series] = gate.counted("tollhouse_attempts_total")
    assert series[-2] == fault


async def test_who_is_told_no_model_by_a_configured_target_is_not_at_fault(gate: Bench) -> None:
    """Whoever configured the target named the model."""
    async with providers(documented("openai", "no such model")) as [first]:
        await gate.multi(instance("a", "openai", first.url, options={"model": "gpt-9"}))
        assert (await gate.ask(chat())).header("x-tollhouse-fault") == "gateway"


async def test_an_error_inside_an_answer_of_200_means_what_its_number_says(gate: Bench) -> None:
    """OpenRouter's way: the status is in the document, of whole answers and of streams."""
    error = {"error": {"message": "Rate limit exceeded", "code": 429}}
    event = f"data: {json.dumps(error)}\n\n".encode()
    for bad, asks in ((answer(200, error), chat()), (stream(event), chat(stream=True))):
        good = GOOD if "stream" not in asks else stream(*OPENAI_STREAM)
        async with providers(bad, good) as [first, second]:
            await gate.multi(
                instance("a", "openrouter", first.url, priority=1, **KEY), instance("b", "openai", second.url), **ANY
            )
            got = await gate.ask(asks)
            assert asked(got) == ["a", "b"]
            assert got.ex.attempts[0].failure is not None
            assert got.ex.attempts[0].failure.kind == "rate_limited"
