"""Checkers of targets: one per probe, for as long as somebody might go there."""

from __future__ import annotations

import asyncio
from typing import Any

from tollhouse.dataplane.dispatch.choosing import probes as module
from tollhouse.dataplane.dispatch.choosing.probes import Probes
from tollhouse.dataplane.dispatch.choosing.targets import UNHEALTHY, states_of
from tollhouse.dataplane.dispatch.setup.catalog import Catalog
from tollhouse.dataplane.dispatch.setup.probed import Probe
from tollhouse.proto.resources.model import Model, Provider

from tests.support.dispatching import Bench, chat
from tests.support.providers import FakeProvider, Received, answer, openai_reply, providers

CHECK = {"active": {"http_path": "/up", "unhealthy": {"http_failures": 1}, "healthy": {"successes": 1, "interval": 1}}}


def provider(url: str, **more: Any) -> dict[str, Any]:
    """An account of a provider at an address."""
    return {"type": "openai-compatible", "endpoint": f"{url}/v1/chat/completions", **more}


def compiled(first: dict[str, Any], targets: list[dict[str, Any]]) -> list[Probe | None]:
    """The probes of a model's targets."""
    model = Model.model_validate({"targets": targets})
    catalog = Catalog.build({"m": model}, {"own": Provider.model_validate(first)})
    return [target.probe for target in catalog.models["m"].targets]


def of(fake: FakeProvider) -> Probe:
    """A probe of a fake provider."""
    [probe] = compiled(provider(fake.url, checks=CHECK), [{"provider": "own", "model": "a"}])
    assert probe is not None
    return probe


async def test_probing_begins_when_asked_for_once_per_probe_and_ends_by_itself(gate: Bench, monkeypatch: Any) -> None:
    """However many targets and edits; what nobody asks for any more is not probed for ever."""
    async with providers(answer(200, {})) as [fake]:
        probes, one = Probes(gate.services), of(fake)
        assert probes.said(one) == ""
        assert probes.healthy(one)
        assert probes.healthy(of(fake))
        assert len(gate.background.tasks) == 1
        assert probes.said(one) == "healthy"
        assert probes.said(None) == ""
        monkeypatch.setattr(module, "KEPT_ON_S", 0.0)
        [watch] = gate.background.tasks
        await asyncio.wait_for(watch, 3)
        assert probes.said(one) == ""
        monkeypatch.setattr(module, "KEPT_ON_S", 60.0)
        probes.healthy(one)
        assert probes.said(one) == "healthy"


async def sick(received: Received, writer: asyncio.StreamWriter) -> None:
    """Answers agents, but its health check says no."""
    await (answer(503, {}) if received.target == "/up" else answer(200, openai_reply("a")))(received, writer)


async def test_a_target_of_the_catalogue_is_skipped_while_its_probe_fails(gate: Bench) -> None:
    """Though no call to it has failed; operators see why."""
    async with providers(sick, answer(200, openai_reply("b"))) as [first, second]:
        targets = [{"provider": "a", "model": "x", "priority": 1}, {"provider": "b", "model": "x"}]
        await gate.load(
            routes={"r": {"uri": "/*", "plugins": {"ai-proxy-multi": {"models": ["m"]}}}},
            providers={"a": provider(first.url, checks=CHECK), "b": provider(second.url)},
            models={"m": {"targets": targets}},
        )
        assert (await gate.ask(chat(model="m"))).header("x-tollhouse-target") == "a"
        for _ in range(200):
            got = await gate.ask(chat(model="m"))
            if got.header("x-tollhouse-target") == "b":
                break
            await asyncio.sleep(0.01)
        assert [(one.target, one.failure) for one in got.ex.attempts] == [("b", None)]
        states, now = states_of(gate.services), gate.services.clock.monotonic()
        [state] = states.named("a")
        assert (states.probed(state), states.shut(state, now), state.shut(now)) == ("unhealthy", UNHEALTHY, "")


async def test_when_every_probe_fails_all_are_tried_nevertheless(gate: Bench) -> None:
    """Probes may be wrong about everybody; nobody is refused for that."""
    async with providers(sick, sick) as [first, second]:
        targets = [{"provider": "a", "model": "x", "priority": 1}, {"provider": "b", "model": "x"}]
        await gate.load(
            routes={"r": {"uri": "/*", "plugins": {"ai-proxy-multi": {"models": ["m"]}}}},
            providers={"a": provider(first.url, checks=CHECK), "b": provider(second.url, checks=CHECK)},
            models={"m": {"targets": targets}},
        )
        await gate.ask(chat(model="m"))
        states = states_of(gate.services)
        for _ in range(200):
            if {states.probed(one) for one in states} == {"unhealthy"}:
                break
            await asyncio.sleep(0.01)
        assert (await gate.ask(chat(model="m"))).header("x-tollhouse-target") == "a"


async def test_the_catalogue_is_probed_before_anybody_asks_and_no_longer_than_it_stands(
    gate: Bench, monkeypatch: Any
) -> None:
    """No first request of a worker finds out what its probes know; what is edited away is not probed for ever."""
    async with providers(sick) as [fake]:
        model = {"targets": [{"provider": "own", "model": "x"}]}
        await gate.load(providers={"own": provider(fake.url, checks=CHECK)}, models={"m": model})
        await gate.load(providers={"own": provider(fake.url, checks=CHECK)}, models={"m": model})
        [watch] = gate.background.tasks
        for _ in range(200):
            if fake.received:
                break
            await asyncio.sleep(0.01)
        assert {one.target for one in fake.received} == {"/up"}
        monkeypatch.setattr(module, "KEPT_ON_S", 0.0)
        await gate.load(providers={"own": provider(fake.url)}, models={"m": model})
        await asyncio.wait_for(watch, 3)
