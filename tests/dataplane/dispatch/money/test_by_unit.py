"""Audio by the second, speech by the character, pictures by the piece: reserved at most, charged for what it was."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.dispatching import instance
from tests.support.providers import Behaviour, answer, providers
from tests.support.till import Till, usd

MP3 = {"content-type": "audio/mpeg"}
SPOKEN = {"model": "tts-1", "voice": "alloy", "input": "x" * 2000}
FORM = {"content-type": "multipart/form-data; boundary=q"}


def form(model: str, size: int) -> bytes:
    """A recording of so many bytes."""
    head = f'--q\r\nContent-Disposition: form-data; name="model"\r\n\r\n{model}\r\n'
    head += '--q\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n'
    return head.encode() + b"\0" * size + b"\r\n--q--\r\n"


async def asked(
    till: Till, behaviour: Behaviour, body: Any, path: str, amount: str = "100", prices: Any = None, **more: Any
) -> Any:
    """One request, with a budget."""
    async with providers(behaviour) as [fake]:
        own = {"type": "openai", "endpoint": fake.url, "prices": prices or {}}
        plugins = {"ai-proxy-multi": {"instances": [instance("a", "openai", fake.url)]}}
        await till.load(
            routes={"r": {"uri": "/*", "plugins": plugins}}, budgets={"b": usd(amount)}, providers={"openai": own}
        )
        return await till.ask(body, path=path, **more)


async def test_speech_costs_by_the_character(till: Till) -> None:
    """Exactly, since what is spoken is known: 15 USD per million; what does not fit is refused before."""
    got = await asked(till, answer(200, b"sound", MP3), SPOKEN, "/v1/audio/speech")
    attempt = got.ex.attempts[0]
    assert (attempt.cost_nano, attempt.price_known, attempt.usage.estimated) == (30_000_000, True, False)
    assert till.budgets.of("b") == (30_000_000, 0, 0)
    got = await asked(till, answer(200, b"sound", MP3), SPOKEN, "/v1/audio/speech", amount="0.0299")
    assert got.status == 429


async def test_audio_costs_by_the_second_the_provider_tells(till: Till) -> None:
    """Else by its size, marked as an estimate; its size also says what is reserved."""
    prices = {"whisper-1": {"second": "0.1"}}
    path, body = "/v1/audio/transcriptions", form("whisper-1", 40_000)
    told = answer(200, {"text": "x", "usage": {"type": "duration", "seconds": 7}})
    got = await asked(till, told, body, path, prices=prices, headers=FORM)
    attempt = got.ex.attempts[0]
    assert (attempt.cost_nano, attempt.price_known, attempt.usage.estimated) == (700_000, True, False)
    got = await asked(till, answer(200, {"text": "x"}), body, path, prices=prices, headers=FORM)
    attempt = got.ex.attempts[0]
    assert attempt.usage.estimated
    assert 1_000_000 <= attempt.cost_nano < 1_100_000
    got = await asked(till, told, body, path, amount="0.0079", prices=prices, headers=FORM)
    assert got.status == 429


@pytest.mark.parametrize(("n", "nano"), [(None, 40_000_000), (3, 120_000_000)])
async def test_pictures_cost_by_the_piece(till: Till, n: int | None, nano: int) -> None:
    body = {"model": "dall-e-3", "prompt": "A cat", **({"n": n} if n else {})}
    prices = {"dall-e-3": {"image": "40"}}
    got = await asked(till, answer(200, {"data": []}), body, "/v1/images/generations", prices=prices)
    attempt = got.ex.attempts[0]
    assert (attempt.cost_nano, attempt.price_known, attempt.usage.estimated) == (nano, True, False)


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/v1/audio/speech", {**SPOKEN, "model": "nobody-knows"}, None),
        ("/v1/images/generations", {"model": "nobody-knows", "prompt": "A cat"}, None),
        ("/v1/audio/transcriptions", form("nobody-knows", 40_000), FORM),
    ],
)
async def test_what_nobody_knows_the_price_of_is_estimated_never_nothing(
    till: Till, path: str, body: Any, headers: Any
) -> None:
    """The policy for unknown prices holds for units too; such attempts are counted as unpriced."""
    got = await asked(till, answer(200, {"data": []}), body, path, headers=headers)
    attempt = got.ex.attempts[0]
    assert got.status == 200
    assert not attempt.price_known
    assert attempt.usage.estimated
    assert attempt.cost_nano > 0
    assert till.log.opened[-1].price_source == "estimate"


async def test_a_conversation_with_a_model_that_is_priced_by_the_second_is_not_free(till: Till) -> None:
    """Of its tokens nobody knows the price: they are charged as if nobody knew the model's."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000}
    reply: dict[str, Any] = {"id": "x", "object": "chat.completion", "model": "m", "usage": usage}
    message = {"role": "assistant", "content": "hi"}
    reply["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
    body = {"model": "tts-1", "max_tokens": 1000, "messages": [{"role": "user", "content": "x"}]}
    got = await asked(till, answer(200, reply), body, "/v1/chat/completions")
    assert got.ex.cost_nano == 1000 * 15_000 + 1000 * 75_000


async def test_audio_that_was_cut_costs_its_length(till: Till) -> None:
    """Not a token for every byte of it."""
    from tests.support.providers import silence

    prices = {"whisper-1": {"second": "0.1"}}
    async with providers(silence()) as [fake]:
        own = {"type": "openai", "endpoint": fake.url, "prices": prices}
        plugins = {"ai-proxy-multi": {"instances": [instance("a", "openai", fake.url)], "timeouts": {"first_byte": 50}}}
        await till.load(
            routes={"r": {"uri": "/*", "plugins": plugins}}, budgets={"b": usd("100")}, providers={"openai": own}
        )
        await till.ask(form("whisper-1", 40_000), path="/v1/audio/transcriptions", headers=FORM)
    spent, held, doubt = till.budgets.of("b")
    assert 1_000_000 <= spent < 1_100_000
    assert (held, doubt > 0) == (0, True)
