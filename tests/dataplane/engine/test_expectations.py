"""What requests usually come to, and where a prompt is warm."""

from __future__ import annotations

from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.engine.expectations import WARM_S, Expectations


def test_habits_are_learned_per_agent_and_route() -> None:
    """The first request counts whole; another agent's habits are its own; a limit bounds the answer."""
    memory = Expectations()
    assert memory.expect("a", "r", 4000, None).seen == 0
    for _ in range(30):
        memory.learn("a", "r", 6000, Usage(2000, output_tokens=50))
    told = memory.expect("a", "r", 6000, None)
    assert (told.input_tokens, told.output_tokens, told.seen) == (2000, 50, 30)
    assert memory.expect("a", "r", 6000, 20).output_tokens == 20
    assert memory.expect("b", "r", 6000, None).seen == 0


def test_estimates_teach_nothing() -> None:
    """Else a guess would confirm itself."""
    memory = Expectations()
    memory.learn("a", "r", 6000, Usage(1, output_tokens=1, estimated=True))
    assert memory.expect("a", "r", 6000, None).seen == 0


def test_a_prompt_is_warm_where_it_was_read_last() -> None:
    """For five minutes, as much as the provider really gave from its cache."""
    memory = Expectations()
    memory.visited("s", "a", "x", Usage(10_000), 0)
    assert memory.warm("s", "a", "x", 1) == (5000, 0.0)
    assert memory.warm("s", "a", "y", 1) == (0, 0.0)
    assert memory.warm("s", "a", "x", WARM_S + 1) == (0, 0.0)
    for turn in range(20):
        memory.visited("s", "a", "x", Usage(10_000, cached_tokens=9_000, cache_write_tokens=500), float(turn))
    tokens, writes = memory.warm("s", "a", "x", 20)
    assert 8_900 <= tokens <= 9_000
    assert 0.45 <= writes <= 0.5


def test_a_switch_takes_the_warmth_along() -> None:
    """A session has one warm place: where it was last."""
    memory = Expectations()
    memory.visited("s", "a", "x", Usage(10_000), 0)
    memory.visited("s", "a", "y", Usage(10_000), 1)
    assert memory.warm("s", "a", "x", 2)[0] == 0
    assert memory.warm("s", "a", "y", 2)[0] == 5000
