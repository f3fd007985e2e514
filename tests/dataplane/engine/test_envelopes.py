"""Envelopes by rule: whatever is drawn and settled, they hold what they were granted and come to what was spent."""

from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.engine.envelopes import DRAWN_S, FEWEST, MOST, Envelope, copies, enlarged, shape_of
from tollhouse.dataplane.spending import Claim, Outcome

LIMIT = 1_000_000


def claim(units: int, key: str = "k", *, bucket: int = 5, enforced: bool = True) -> Claim:
    return Claim(key, units, LIMIT, bucket, bucket, 0, enforced)


def test_only_where_there_is_plenty_of_room() -> None:
    """A small part of what is left; near the limit each attempt asks for itself."""
    assert copies((claim(10),), (0,)) == MOST
    assert copies((claim(10), claim(2000, "y")), (0, 0)) == 7
    assert copies((claim(2000),), (900_000,)) == 1
    assert copies((claim(10),), (LIMIT + 5,)) == 1
    assert copies((claim(10**9, enforced=False),), (LIMIT,)) == MOST


def test_attempts_share_one_only_if_they_count_alike() -> None:
    """Another window or another limit is another one."""
    assert shape_of((claim(1),)) == shape_of((claim(2),))
    assert shape_of((claim(1),)) != shape_of((claim(1, bucket=6),))


def test_nothing_is_drawn_after_its_time_and_it_ends_when_nothing_is_under_way() -> None:
    """Windows turn and limits change: what is held in advance is held briefly."""
    envelope = Envelope.of("e", enlarged((claim(100),), 4), (1400,), now=10.0)
    assert envelope.draw((claim(100),), 10.1) == (1100,)
    assert envelope.draw((claim(301),), 10.1) is None
    assert envelope.draw((claim(100),), 10.0 + DRAWN_S) is None
    assert not envelope.over(20.0)
    envelope.settle((claim(100),), (Outcome(30, 5),))
    assert envelope.over(20.0)
    assert envelope.outcomes() == (Outcome(30, 5),)


STEPS = st.lists(st.tuples(st.booleans(), st.integers(1, 400), st.integers(0, 100)), max_size=60)


@given(STEPS)
def test_no_more_is_under_way_and_spent_than_was_granted(steps: list[tuple[bool, int, int]]) -> None:
    """So an envelope can never make a budget pass its limit."""
    envelope = Envelope.of("e", (claim(1000),), (1000,), now=1.0)
    under_way: list[Claim] = []
    spent = 0
    for draw, units, share in steps:
        if draw:
            if envelope.draw((claim(units),), 1.0) is not None:
                under_way.append(claim(units))
        elif under_way:
            one = under_way.pop()
            used = one.units * share // 100
            envelope.settle((one,), (Outcome(used),))
            spent += used
        assert spent + sum(one.units for one in under_way) <= 1000
    assert envelope.outcomes()[0].units == spent


def test_the_next_one_is_as_large_as_this_one_was_busy() -> None:
    """Twice what was under way at a time, twice its size when that was too little, within bounds."""
    envelope = Envelope.of("e", enlarged((claim(100),), 4), (400,), now=1.0)
    assert envelope.next_size(4) == FEWEST
    for _ in range(3):
        assert envelope.draw((claim(100),), 1.0) is not None
    assert envelope.next_size(4) == 6
    assert envelope.draw((claim(200),), 1.0) is None
    assert (envelope.next_size(4), envelope.next_size(200)) == (8, MOST)
