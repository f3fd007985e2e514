"""From targets to a plan."""

from __future__ import annotations

from dataclasses import replace

from tollhouse.dataplane import registry
from tollhouse.dataplane.dispatch.choosing.plan import SPENT, Limits, Turns, plan_of, plan_of_one, select
from tollhouse.dataplane.dispatch.choosing.targets import Target, TargetStates
from tollhouse.dataplane.dispatch.setup.catalog import known_target
from tollhouse.dataplane.dispatch.setup.endpoints import build_endpoint
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.failover import Policy
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.permitted import ALLOWED

from tests.support.dispatching import Bench
from tests.support.services import StillClock, request

ENDPOINT = build_endpoint(registry.provider_types()["openai"], "openai", environment={})
A, B = (known_target(name, ENDPOINT, f"gpt-4o{tail}") for name, tail in (("a", ""), ("b", "-mini")))


def exchange(gate: Bench, body: bytes = b'{"model":"gpt-4o","messages":[]}') -> Exchange:
    """A chat request."""
    ex = request(gate.gateway.snapshot)
    ex.body, ex.document = body, RequestDocument(body)
    ex.protocol = registry.protocols_by_name()["openai_chat"]
    return ex


def chosen(ex: Exchange, *targets: Target, states: TargetStates | None = None) -> list[str]:
    """The names in order."""
    states = states or TargetStates(StillClock())
    choice = select(ex, targets, Turns().round_robin(), states, 0.0)
    return [target.name for target in plan_of(choice, targets, Policy(), Limits()).targets]


async def test_permission_and_quota_narrow_the_choice(gate: Bench) -> None:
    """Plugins leave their word in the exchange's state; a stand-in must be allowed as well."""
    ex = exchange(gate)
    assert chosen(ex, A, B) == ["a", "b"]
    ex.state[ALLOWED] = ["gpt-4o"]
    assert chosen(ex, A, replace(B, native=False)) == ["a"]
    ex.state[ALLOWED] = ["*-mini"]
    assert chosen(ex, A, B) == []
    ex.state[ALLOWED] = ["*"]
    ex.state[SPENT] = {"b": 3.0}
    assert chosen(ex, A, B) == ["a"]


async def test_the_only_target_needs_no_choosing_while_nothing_speaks_against_it(gate: Bench) -> None:
    """Whatever could exclude it leaves the decision, and the reason, to the choice."""
    states = TargetStates(StillClock())

    def planned(*targets: Target, ex: Exchange | None = None) -> bool:
        plan = plan_of_one(ex or exchange(gate), targets, Policy(), Limits(), states)
        assert plan is None or (plan.targets == list(targets) and not plan.guarded)
        return plan is not None

    assert planned(A)
    assert not planned(A, B)
    assert not planned(replace(A, max_in_flight=1))
    assert not planned(replace(A, lacks=frozenset({"tools"})), ex=exchange(gate, b'{"model":"m","tools":[{"type":1}]}'))
    assert not planned(replace(A, context_window=10), ex=exchange(gate, b'{"model":"m","messages":[%s]}' % (b" " * 99)))
    for key in (ALLOWED, SPENT):
        ex = exchange(gate)
        ex.state[key] = {}
        assert not planned(A, ex=ex)
    states.force("a", "open")
    assert not planned(A)


async def test_an_open_breaker_counts_only_where_there_is_a_choice(gate: Bench) -> None:
    """The only target is always tried, unless an operator keeps it shut."""
    states = TargetStates(StillClock())
    states.of(A).breaker.open_until(0.0, 5.0, "connect")
    assert chosen(exchange(gate), A, B, states=states) == ["b"]
    assert chosen(exchange(gate), A, states=states) == ["a"]
    states.force("a", "open")
    assert chosen(exchange(gate), A, states=states) == []
    assert chosen(exchange(gate), replace(A, weight=0)) == ["a"]


async def test_a_request_that_is_clearly_too_long_skips_small_windows(gate: Bench) -> None:
    """Estimates are rough, so only by a margin, and never when base64 inflates them."""
    small = replace(A, context_window=100)
    text = b'{"model":"m","messages":[{"role":"user","content":"%s"}]}'
    assert chosen(exchange(gate, text % (b"x" * 1000)), small, B) == ["b"]
    assert chosen(exchange(gate, text % (b"base64" + b"x" * 1000)), small, B) == ["a", "b"]
    assert chosen(exchange(gate, text % (b"x" * 400)), small, B) == ["a", "b"]
