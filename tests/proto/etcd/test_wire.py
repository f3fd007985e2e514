"""Keys, prefixes and operations as etcd takes them."""

from __future__ import annotations

import pytest
from tollhouse.proto.etcd import Compare, Op, wire
from tollhouse.proto.etcd import messages as pb


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        ("/a/", b"/a0"),
        ("a", b"b"),
        ("", b"\0"),
        ("é", b"\xc3\xaa"),
        (b"a\xff".decode("utf-8", "surrogateescape"), b"b"),
    ],
)
def test_the_end_of_a_prefix(prefix: str, end: bytes) -> None:
    """The first key that does not have the prefix any more."""
    assert wire.prefix_end(prefix) == end


def test_every_key_survives() -> None:
    """Keys of arbitrary bytes come back as they were."""
    raw = bytes(range(256))
    assert wire.encode_key(wire.decode_key(raw)) == raw


def test_comparisons() -> None:
    """Target, operator and operand land in the fields etcd reads."""
    message = wire.encode_compare(Compare.value("k", "!=", b"v"))
    assert (message.target, message.result, message.value) == (pb.Compare.VALUE, pb.Compare.NOT_EQUAL, b"v")
    message = wire.encode_compare(Compare.mod("k", "<", 7))
    assert (message.target, message.result, message.mod_revision) == (pb.Compare.MOD, pb.Compare.LESS, 7)
    assert wire.encode_compare(Compare.missing("k")).WhichOneof("target_union") == "create_revision"
    assert wire.encode_compare(Compare.version("k", ">", 1)).target == pb.Compare.VERSION


def test_nested_transactions() -> None:
    """A transaction inside one keeps its own branches."""
    inner = Op.txn((Compare.exists("a"),), (Op.put("b", b"1"),), (Op.delete("c", prefix=True),))
    message = wire.encode_op(inner).request_txn
    assert message.success[0].request_put.key == b"b"
    assert message.failure[0].request_delete_range.range_end == b"d"
