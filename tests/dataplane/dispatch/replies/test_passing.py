"""What passes as it is comes piece by piece, under the route's limits, and is counted to its end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.chat import Special, Usage
from tollhouse.dataplane.errors import GatewayError

from tests.support.dispatching import Bench, instance
from tests.support.providers import Behaviour, answer, providers, silence, stream

SPEECH = {"model": "tts-1", "input": "Hello.", "voice": "alloy"}
MP3 = {"content-type": "audio/mpeg"}
LARGE = bytes(range(256)) * 2048


async def speak(gate: Bench, *behaviours: Behaviour, **config: Any) -> tuple[Any, Any]:
    """The reply's head, and its exchange."""
    async with providers(*behaviours) as fakes:
        await gate.multi(
            *(instance(f"t{number}", "openai", fake.url) for number, fake in enumerate(fakes)),
            fallback_strategy="any",
            **config,
        )
        reply, ex = await gate.begin(SPEECH, "/v1/audio/speech")
        return [reply, ex, *([piece async for piece in reply.stream] if reply.stream else [])], fakes


async def test_speech_is_given_on_as_it_comes(gate: Bench) -> None:
    """The first piece reaches the client while the provider has not sent the second."""
    async with providers(stream(b"one", 0.2, b"two", headers=MP3)) as [fake]:
        await gate.multi(instance("one", "openai", fake.url))
        reply, ex = await gate.begin(SPEECH, "/v1/audio/speech")
        assert reply.header("content-type") == "audio/mpeg"
        assert reply.stream is not None
        assert await anext(reply.stream) == b"one"
        assert ex.attempts[0].ended_s is None
        assert [piece async for piece in reply.stream] == [b"two"]
        gate.gateway.finish(ex)
    spoken = Usage(special=Special(characters=len(SPEECH["input"])))
    assert (ex.attempts[0].failure, ex.attempts[0].usage) == (None, spoken)


async def test_a_large_answer_of_known_length_is_not_held(gate: Bench) -> None:
    (reply, ex, *pieces), _ = await speak(gate, answer(200, LARGE, MP3))
    assert reply.stream is not None
    assert b"".join(pieces) == LARGE
    assert ex.attempts[0].failure is None


async def test_tokens_are_counted_at_the_end_of_a_long_picture(gate: Bench) -> None:
    picture = {"data": [{"b64_json": "A" * 400_000}], "usage": {"input_tokens": 5, "output_tokens": 90}}
    async with providers(answer(200, picture)) as [fake]:
        await gate.multi(instance("one", "openai", fake.url))
        got = await gate.ask({"model": "gpt-image-1", "prompt": "A cat"}, "/v1/images/generations")
    assert got.json == picture
    assert got.ex.attempts[0].usage == Usage(5, output_tokens=90)
    assert got.ex.cost_nano > 0


async def test_an_answer_that_breaks_off_breaks_off_for_the_client_too(gate: Bench) -> None:
    async with providers(stream(b"one", cut=True, headers=MP3)) as [fake]:
        await gate.multi(instance("one", "openai", fake.url))
        reply, ex = await gate.begin(SPEECH, "/v1/audio/speech")
        with pytest.raises(GatewayError):
            assert [piece async for piece in reply.stream] == [b"one"]  # type: ignore[union-attr]
    assert ex.attempts[0].failure is not None
    assert ex.error is not None


async def test_another_target_is_asked_while_nothing_has_come(gate: Bench) -> None:
    (_, ex, *pieces), _ = await speak(gate, stream(cut=True, headers=MP3), stream(b"sound", headers=MP3))
    assert pieces == [b"sound"]
    assert [attempt.target for attempt in ex.attempts] == ["t0", "t1"]


async def test_limits_hold_for_what_passes(gate: Bench) -> None:
    (reply, *_), _ = await speak(gate, answer(200, LARGE, MP3), max_response_bytes=1000)
    assert reply.status == 502
    assert "max_response_bytes" in json.loads(reply.body)["error"]["message"]
    with pytest.raises(GatewayError, match="max_response_bytes"):
        await speak(gate, stream(b"x" * 700, b"x" * 700, headers=MP3), max_response_bytes=1000)


async def test_leaving_closes_the_providers_call(gate: Bench) -> None:
    async with providers(stream(b"one", 20.0, headers=MP3)) as [fake]:
        await gate.multi(instance("one", "openai", fake.url))
        reply, ex = await gate.begin(SPEECH, "/v1/audio/speech")
        assert await anext(reply.stream) == b"one"  # type: ignore[arg-type]
        await reply.stream.aclose()  # type: ignore[union-attr]
        await fake.received[0].closed.wait()
    assert ex.attempts[0].ended_s is not None


async def test_a_provider_that_says_nothing_is_given_up(gate: Bench) -> None:
    (reply, *_), _ = await speak(gate, silence(), timeouts={"first_byte": 50})
    assert reply.status == 504


async def test_an_answer_that_tells_no_usage_is_estimated_where_tokens_have_a_price(gate: Bench) -> None:
    """What was asked at least, and marked so: speech is never silently free."""
    async with providers(answer(200, b"sound", MP3)) as [fake]:
        await gate.multi(instance("one", "openai", fake.url))
        got = await gate.ask({**SPEECH, "model": "gpt-4o-mini-tts"}, "/v1/audio/speech")
    usage = got.ex.attempts[0].usage
    assert usage is not None
    assert usage.estimated
    assert got.ex.cost_nano > 0


async def test_a_price_per_request_is_charged_per_request(gate: Bench) -> None:
    """Of what is billed by the picture: no estimate, and known."""
    async with providers(answer(200, {"data": []})) as [fake]:
        prices = {"dall-e-3": {"request": "0.04"}}
        own = {
            "type": "openai",
            "endpoint": fake.url,
            "auth": {"header": {"authorization": "Bearer sk"}},
            "prices": prices,
        }
        one = {"name": "one", "provider": "openai", "weight": 1}
        route = {"uri": "/*", "plugins": {"ai-proxy-multi": {"instances": [one]}}}
        await gate.load(providers={"openai": own}, routes={"r": route})
        got = await gate.ask({"model": "dall-e-3", "prompt": "A cat"}, "/v1/images/generations")
    attempt = got.ex.attempts[0]
    assert attempt.usage is not None
    assert (attempt.cost_nano, attempt.price_known, attempt.usage.estimated) == (40_000_000, True, False)
