"""A prompt through a gateway: the simulators stand in for it, they speak the same formats."""

import pytest
from tollhouse.cli.failure import REFUSED, UNREACHABLE, Failure
from tollhouse.cli.gateway_request import Format, Prompt, send
from tollhouse.cli.simulator import Simulator
from tollhouse.cli.simulator.server import Kind


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("kind", "form", "model"), [("openai", "openai", "gpt-4o"), ("anthropic", "anthropic", "claude-x")]
)
async def test_answer_and_usage_are_read(kind: Kind, form: Format, model: str, stream: bool) -> None:
    """Text in pieces or whole, tokens in and out, in both formats."""
    heard: list[str] = []
    async with Simulator(kind) as sim:
        prompt = Prompt(sim.url, "hello there", model, key="k", format=form, stream=stream, system="be brief")
        told = await send(prompt, heard.append)
    assert "".join(heard) == told.text
    assert "You wrote: hello there" in told.text
    assert told.model == model
    assert told.input_tokens > 0
    assert told.output_tokens > 0
    assert (told.first_token_s > 0) is stream


async def test_refusals_carry_the_servers_words() -> None:
    """Status and message of an error, and a hint that fits the status."""
    async with Simulator("openai") as sim:
        with pytest.raises(Failure, match="401") as caught:
            await send(Prompt(sim.url, "x", "gpt-4o"), lambda text: None)
        assert caught.value.code == REFUSED
        assert "--key" in caught.value.hint
        sim.simulate(error_after=1, message="went wrong")
        with pytest.raises(Failure, match="went wrong"):
            await send(Prompt(sim.url, "x", "gpt-4o", key="k"), lambda text: None)
        sim.simulate(cut_after=1)
        with pytest.raises(Failure, match="broke off"):
            await send(Prompt(sim.url, "x", "gpt-4o", key="k"), lambda text: None)


async def test_nobody_there_is_unreachable() -> None:
    """Exit code 3."""
    with pytest.raises(Failure) as caught:
        await send(Prompt("http://127.0.0.1:1", "x", "gpt-4o"), lambda text: None)
    assert caught.value.code == UNREACHABLE
