"""What a source hands on after changes and full reads."""

from __future__ import annotations

from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.runtime.sources.object_set import ObjectSet


def one(object_id: str, revision: int, value: bytes = b"{}") -> RawObject:
    return RawObject("routes", object_id, value, revision)


def filled() -> ObjectSet:
    known = ObjectSet("etcd")
    known.replace([one("a", 1), one("b", 2)], 2, first=True)
    known.take()
    return known


def test_the_first_read_is_handed_on_even_when_empty() -> None:
    """The first batch is full, also of nothing."""
    known = ObjectSet("etcd")
    known.replace([], 7, first=True)
    assert known.take() == Batch(7, True)
    assert not known.pending


def test_changes_to_one_object_become_one() -> None:
    """The newest version counts; what came and went in between is a deletion."""
    known = filled()
    known.put(one("a", 3))
    known.put(one("a", 4))
    known.put(one("c", 5))
    known.delete("routes", "c")
    known.delete("routes", "never")
    known.revision = 6
    assert known.take() == Batch(6, False, (one("a", 4),), (("routes", "c"),))


def test_a_reload_that_finds_nothing_new_only_moves_the_revision() -> None:
    """No object is handed on when none differs."""
    known = filled()
    assert known.replace([one("a", 1), one("b", 2)], 9) == 0
    assert known.take() == Batch(9, False)


def test_a_reload_keeps_what_did_not_change() -> None:
    """Equal objects stay the same Python objects; deletions alone count as a change."""
    known = filled()
    before = {item.id: item for item in known.full().puts}
    assert known.replace([one("a", 1)], 9) == 1
    batch = known.take()
    assert batch == Batch(9, True, (one("a", 1),))
    assert batch.puts[0] is before["a"]


def test_a_restored_store_with_a_reused_revision() -> None:
    """The same revision with another value is another object; a revision that went back is handed on."""
    known = filled()
    assert known.replace([one("a", 1, b'{"other":1}'), one("b", 2)], 2) == 1
    assert known.take().full
    assert known.replace([one("a", 1, b'{"other":1}'), one("b", 2)], 1) == 0
    assert known.take().full


def test_changes_before_a_reload_are_part_of_it() -> None:
    """A change that was not handed on yet does not survive a reload that contradicts it."""
    known = filled()
    known.put(one("c", 5))
    known.replace([one("a", 1), one("b", 2)], 9)
    assert [item.id for item in known.take().puts] == ["a", "b"]
