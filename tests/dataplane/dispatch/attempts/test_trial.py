"""The books of one attempt."""

from __future__ import annotations

from tollhouse.dataplane import registry
from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.dispatch.attempts.trial import Books
from tollhouse.dataplane.dispatch.choosing.targets import states_of
from tollhouse.dataplane.dispatch.setup.catalog import known_target
from tollhouse.dataplane.dispatch.setup.endpoints import build_endpoint
from tollhouse.dataplane.provider import UpstreamFailure

from tests.support.dispatching import Bench
from tests.support.services import request

ENDPOINT = build_endpoint(registry.provider_types()["openai"], "openai", environment={})
TARGET = known_target("a", ENDPOINT, "gpt-4o-mini")


async def test_only_the_first_ending_counts(gate: Bench) -> None:
    """A stream may be closed after it succeeded; nothing is paid or counted twice."""
    ex = request(gate.gateway.snapshot)
    state = states_of(gate.services).of(TARGET)
    trial = Books(gate.services).open(ex, TARGET, state)
    assert state.in_flight == 1
    trial.first_byte()
    trial.succeed(Usage(20, 5, output_tokens=4))
    trial.cancel(Usage(999))
    trial.fail(UpstreamFailure("next", "cut", 0, "late"), Usage(999))
    assert state.in_flight == 0
    assert ex.cost_nano == 15 * 150 + 5 * 75 + 4 * 600
    assert ex.attempts[0].failure is None
    assert gate.counted("tollhouse_attempts_total") == {("", "a", "openai", "gpt-4o-mini", "", "ok"): 1}


async def test_an_answer_without_tokens_says_nothing_of_the_time_per_token(gate: Bench) -> None:
    """Embeddings, say: they would make a target look slow at writing."""
    state = states_of(gate.services).of(TARGET)
    trial = Books(gate.services).open(request(gate.gateway.snapshot), TARGET, state)
    trial.first_byte()
    trial.succeed(Usage(2000))
    assert state.token.value == 0


async def test_no_connection_where_others_are_answered_opens_no_breaker(gate: Bench) -> None:
    """A crowd came at once, as after another's end; without a sign of life it opens at the third."""
    books, state = Books(gate.services), states_of(gate.services).of(TARGET)
    unreachable = UpstreamFailure("next", "timeout", 0, "No connection within 1 s.", unsent=True)
    now = gate.services.clock.monotonic()
    for alive_s, shut in ((now + 1000, False), (now - 1000, True)):
        for _ in range(3):
            trial = books.open(request(gate.gateway.snapshot), TARGET, state)
            trial.attempt.started_s -= 1.0
            state.alive_s = alive_s
            trial.fail(unreachable)
        assert state.permits(gate.services.clock.monotonic()) is not shut


async def test_a_routes_own_impatience_opens_no_breaker(gate: Bench) -> None:
    """Others share the target: a silence counts once it lasts twice what an answer ordinarily takes there."""
    books, state = Books(gate.services), states_of(gate.services).of(TARGET)
    state.first_byte_s = 2.0
    for waited_s, silent_s, shut in ((3.0, None, False), (90.0, 0.1, False), (4.0, None, True)):
        for _ in range(3):
            trial = books.open(request(gate.gateway.snapshot), TARGET, state)
            trial.sent = True
            trial.attempt.started_s -= waited_s
            failure = UpstreamFailure("next", "timeout", 0, "No answer in time.")
            failure.silent_s = silent_s
            trial.fail(failure)
        assert state.permits(gate.services.clock.monotonic()) is not shut
