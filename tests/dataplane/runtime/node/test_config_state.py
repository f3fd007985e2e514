"""Raw objects between batches, for workers that come later."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.runtime.node.config_state import ConfigState, merge_batches


def one(name: str, revision: int = 1) -> RawObject:
    return RawObject("routes", name, b"{}", revision)


def test_a_new_worker_gets_what_the_batches_amount_to():
    state = ConfigState()
    assert (state.known, state.revision, state.source) == (False, 0, "none")
    state.apply(Batch(5, True, (one("a"), one("b"))))
    state.apply(Batch(6, False, (one("b", 6), one("c", 6)), (("routes", "a"),)))
    assert state.full() == Batch(6, True, (one("b", 6), one("c", 6)))
    assert state.counts() == {"routes": 2}
    state.apply(Batch(2, True, (), (), "cache"))
    assert (state.full(), state.source) == (Batch(2, True, (), (), "cache"), "cache")


batches = st.builds(
    lambda revision, full, puts, deletes: Batch(
        revision,
        full,
        tuple(one(name, revision) for name in sorted(puts)),
        tuple(("routes", name) for name in sorted(deletes - puts)) if not full else (),
    ),
    st.integers(1, 9),
    st.booleans(),
    st.sets(st.sampled_from("abc")),
    st.sets(st.sampled_from("abc")),
)


@given(st.lists(batches, min_size=1, max_size=5))
def test_a_merged_batch_does_what_its_parts_do_one_after_the_other(steps: list[Batch]):
    apart, together = ConfigState(), ConfigState()
    merged = steps[0]
    for state in (apart, together):
        state.apply(Batch(1, True, (one("a"), one("c"))))
    for step in steps[1:]:
        merged = merge_batches(merged, step)
    for step in steps:
        apart.apply(step)
    together.apply(merged)
    assert apart.of_kind("routes") == together.of_kind("routes")
    assert apart.revision == together.revision
