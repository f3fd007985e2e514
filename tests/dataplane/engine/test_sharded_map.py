"""A sharded map against a plain dict, and what its copies share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.engine.sharded_map import ShardedMap

STEPS = st.lists(st.tuples(st.integers(0, 2000), st.one_of(st.none(), st.integers())), max_size=60)


@given(STEPS, STEPS)
def test_drafts_change_like_a_dict_and_leave_the_map_they_began_with_alone(
    first: list[tuple[int, int | None]], second: list[tuple[int, int | None]]
) -> None:
    plain: dict[int, int] = {}
    shown: ShardedMap[int, int] = ShardedMap()
    for steps in (first, second):
        before, kept = shown, dict(plain)
        draft = before.draft()
        for key, value in steps:
            if value is None:
                plain.pop(key, None)
                draft.remove(key)
            else:
                plain[key] = value
                draft.set(key, value)
        shown = draft.done()
        assert dict(before.items()) == kept
        assert (dict(shown.items()), len(shown)) == (plain, len(plain))
        assert all(shown.get(key) == plain.get(key) and (key in shown) == (key in plain) for key, _ in steps)


def test_a_change_copies_only_the_part_it_touches() -> None:
    draft: ShardedMap[int, int] = ShardedMap()
    first = draft.draft()
    for number in range(5000):
        first.set(number, number)
    whole = first.done()
    second = whole.draft()
    second.set(1, 7)
    changed = second.done()
    assert (whole[1], changed[1]) == (1, 7)
    copied = [old for old, new in zip(whole._shards, changed._shards, strict=True) if old is not new]
    assert len(copied) == 1
