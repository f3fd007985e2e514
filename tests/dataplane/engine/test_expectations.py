"""What requests usually come to, and where a prompt is warm."""

from __future__ import annotations

from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.engine.expectations import WARM_LONG_S, WARM_S, Expectations


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
    assert memory.warm("s", "a", "x", 1) == (5000, 0.0, 0.0)
    assert memory.warm("s", "a", "y", 1) == (0, None, 0.0)
    assert memory.warm("s", "a", "x", WARM_S + 1).tokens == 0
    for turn in range(20):
        memory.visited("s", "a", "x", Usage(10_000, cached_tokens=9_000, cache_write_tokens=500), float(turn))
    told = memory.warm("s", "a", "x", 20)
    assert 8_900 <= told.tokens <= 9_000
    assert told.writes is not None
    assert 0.45 <= told.writes <= 0.5


def test_a_session_is_warm_wherever_it_was() -> None:
    """A switch leaves the first cache as it is: going back reads what is still there of the prompt it had."""
    memory = Expectations()
    memory.visited("s", "a", "x", Usage(10_000), 0)
    memory.visited("s", "a", "y", Usage(12_000), 100)
    assert memory.warm("s", "a", "x", 200).tokens == 5000
    assert memory.warm("s", "a", "y", 200).tokens == 6000
    assert memory.warm("s", "a", "x", 350).tokens == 0
    assert memory.warm("s", "a", "y", 350).tokens == 6000


def test_every_cache_keeps_as_long_as_its_provider_says() -> None:
    """What was written for an hour stays for an hour after every use."""
    memory = Expectations()
    memory.visited("s", "a", "long", Usage(1000), 0, 7200.0)
    assert memory.warm("s", "a", "long", 7000).tokens == 500
    memory.visited("s", "a", "x", Usage(1000, cache_write_1h_tokens=900), 0)
    assert memory.warm("s", "a", "x", WARM_S + 1) == (500, 0.0, 0.9)
    memory.visited("s", "a", "x", Usage(1000, cached_tokens=900), 3000)
    assert memory.warm("s", "a", "x", 3000 + WARM_LONG_S).tokens > 500
    assert memory.warm("s", "a", "x", 3001 + WARM_LONG_S).tokens == 0


def test_memory_of_places_is_bounded() -> None:
    """The place longest left is forgotten first."""
    memory = Expectations()
    for name in "uvwxy":
        memory.visited("s", "a", name, Usage(1000), 0)
    assert [memory.warm("s", "a", name, 1).tokens for name in "uvwxy"] == [0, 500, 500, 500, 500]


def test_estimates_say_nothing_of_caches() -> None:
    """A stream that broke off never said what it read."""
    memory = Expectations()
    memory.visited("s", "a", "x", Usage(1000, cache_write_tokens=1000), 0)
    memory.visited("s", "a", "x", Usage(1000, estimated=True), 1)
    assert memory.warm("s", "a", "x", 2) == (500, 1.0, 0.0)
