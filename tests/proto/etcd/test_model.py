"""The small constructors transactions are written with."""

from __future__ import annotations

from tollhouse.proto.etcd import Compare, Op


def test_comparisons_of_a_key_that_may_be_missing() -> None:
    """A missing key has create revision 0."""
    assert Compare.missing("k") == Compare.create("k", "==", 0)
    assert Compare.exists("k") == Compare.create("k", ">", 0)


def test_operations_can_be_compared_and_reused() -> None:
    """Operations are plain values."""
    assert Op.put("k", b"v") == Op.put("k", b"v")
    nested = Op.txn((Compare.exists("a"),), (Op.put("b", b"1"),))
    assert nested.success[0].key == "b"
    assert nested.failure == ()
