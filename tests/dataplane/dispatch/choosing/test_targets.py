"""What a worker remembers of targets."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.dispatch.choosing.targets import Target, TargetStates, states_of
from tollhouse.dataplane.dispatch.setup.endpoints import build_endpoint
from tollhouse.dataplane.registry import provider_types

from tests.support.services import StillClock, plain_services

ENDPOINT = build_endpoint(provider_types()["openai"], "openai", environment={})


def target(model: str, name: str = "a") -> Target:
    """A target of one account."""
    return Target(name, ENDPOINT, model, key=f"{ENDPOINT.key}/{model}")


def fail(states: TargetStates, one: Target, kind: str, times: int = 1, now: float = 0.0) -> None:
    """So many failures."""
    state = states.of(one)
    for _ in range(times):
        state.end(now, state.begin(now), kind, None, None)


def test_a_dead_key_or_port_shuts_all_models_of_the_account() -> None:
    """One model finds out for all; an overloaded model concerns only itself."""
    ones = (("auth", 1, False), ("connect", 3, False), ("server_error", 3, True), ("no_access", 3, True))
    for kind, times, others in ones:
        states = TargetStates(StillClock())
        fail(states, target("m"), kind, times)
        assert not states.of(target("m")).permits(0)
        assert states.of(target("other")).permits(0) is others
        assert "breaker is open" in states.of(target("m")).shut(0)


def test_a_model_the_client_chose_shuts_nothing() -> None:
    """Where clients name models, one that the key may not use says nothing of the others."""
    states = TargetStates(StillClock())
    fail(states, target(""), "no_access", 5)
    assert states.of(target("")).permits(0)


def test_an_answer_proves_the_account_alive() -> None:
    """Two refused connections, then even a 500: the address is reachable."""
    states = TargetStates(StillClock())
    fail(states, target("m"), "connect", 2)
    fail(states, target("m"), "server_error")
    fail(states, target("m"), "connect", 2)
    assert states.of(target("m")).permits(0)


def test_state_is_shared_by_routes_and_outlives_edits() -> None:
    """Equal account and model: the same state, whatever the target is called."""
    states = TargetStates(StillClock())
    assert states.of(target("m", "x")) is states.of(target("m", "y"))
    assert len(states.named("x")) == 1


def test_there_is_one_per_worker() -> None:
    """Made at the first call, kept in the services."""
    services: Any = plain_services()
    assert states_of(services) is states_of(services)
    assert services.targets is states_of(services)


def test_the_report_is_plain_data() -> None:
    """What status pages show, without addresses or keys."""
    states = TargetStates(StillClock())
    fail(states, target("m"), "auth", now=1000.0)
    [line] = states.report()
    assert (line["target"], line["model"], line["account_breaker"], line["reason"]) == ("a", "m", "open", "auth")
    assert line["retry_in_s"] == 60
    assert "OPENAI" not in str(line)
