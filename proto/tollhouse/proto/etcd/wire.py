"""Between plain data and etcd's messages."""

from __future__ import annotations

from tollhouse.proto.etcd import messages as pb
from tollhouse.proto.etcd.model import (
    Compare,
    DeleteResult,
    KeyValue,
    Op,
    PutResult,
    RangeResult,
    TxnResult,
    WatchEvent,
)

_RESULT = {
    "==": pb.Compare.EQUAL,
    "!=": pb.Compare.NOT_EQUAL,
    "<": pb.Compare.LESS,
    ">": pb.Compare.GREATER,
}


def encode_key(key: str) -> bytes:
    """Keys are bytes to etcd; ones that are not UTF-8 survive the round trip."""
    return key.encode("utf-8", "surrogateescape")


def decode_key(key: bytes) -> str:
    """The inverse of ``encode_key``."""
    return key.decode("utf-8", "surrogateescape")


def prefix_end(prefix: str) -> bytes:
    """The first key after all keys with the prefix; etcd reads ``\\0`` as "to the very end"."""
    raw = encode_key(prefix).rstrip(b"\xff")
    return raw[:-1] + bytes([raw[-1] + 1]) if raw else b"\0"


def encode_range(key: str, *, prefix: bool, keys_only: bool = False, limit: int = 0) -> pb.RangeRequest:
    """A read of one key or of a prefix. The empty prefix means all keys."""
    first = encode_key(key)
    if prefix:
        return pb.RangeRequest(key=first or b"\0", range_end=prefix_end(key), keys_only=keys_only, limit=limit)
    return pb.RangeRequest(key=first, keys_only=keys_only)


def encode_delete(key: str, *, prefix: bool) -> pb.DeleteRangeRequest:
    """A delete of one key or of a prefix."""
    first = encode_key(key)
    if prefix:
        return pb.DeleteRangeRequest(key=first or b"\0", range_end=prefix_end(key))
    return pb.DeleteRangeRequest(key=first)


def encode_compare(compare: Compare) -> pb.Compare:
    """One condition."""
    message = pb.Compare(result=_RESULT[compare.op], key=encode_key(compare.key))
    if isinstance(compare.operand, bytes):
        message.target, message.value = pb.Compare.VALUE, compare.operand
    elif compare.target == "mod":
        message.target, message.mod_revision = pb.Compare.MOD, compare.operand
    elif compare.target == "create":
        message.target, message.create_revision = pb.Compare.CREATE, compare.operand
    else:
        message.target, message.version = pb.Compare.VERSION, compare.operand
    return message


def encode_op(op: Op) -> pb.RequestOp:
    """One operation, nested transactions included."""
    if op.kind == "put":
        return pb.RequestOp(request_put=pb.PutRequest(key=encode_key(op.key), value=op.content, lease=op.lease))
    if op.kind == "get":
        read = encode_range(op.key, prefix=op.prefix, keys_only=op.keys_only, limit=op.limit)
        return pb.RequestOp(request_range=read)
    if op.kind == "delete":
        return pb.RequestOp(request_delete_range=encode_delete(op.key, prefix=op.prefix))
    return pb.RequestOp(request_txn=encode_txn(op.compares, op.success, op.failure))


def encode_txn(compares: tuple[Compare, ...], success: tuple[Op, ...], failure: tuple[Op, ...]) -> pb.TxnRequest:
    """A transaction."""
    return pb.TxnRequest(
        compare=[encode_compare(compare) for compare in compares],
        success=[encode_op(op) for op in success],
        failure=[encode_op(op) for op in failure],
    )


def decode_kv(kv: pb.KeyValue) -> KeyValue:
    """One key."""
    return KeyValue(decode_key(kv.key), kv.value, kv.create_revision, kv.mod_revision, kv.version, kv.lease)


def decode_range(response: pb.RangeResponse) -> RangeResult:
    """A read's answer."""
    return RangeResult(tuple(decode_kv(kv) for kv in response.kvs), response.header.revision, response.count)


def decode_txn(response: pb.TxnResponse) -> TxnResult:
    """A transaction's answer."""
    return TxnResult(
        response.succeeded, tuple(_decode_op(item) for item in response.responses), response.header.revision
    )


def _decode_op(item: pb.ResponseOp) -> RangeResult | PutResult | DeleteResult | TxnResult:
    kind = item.WhichOneof("response")
    if kind == "response_range":
        return decode_range(item.response_range)
    if kind == "response_delete_range":
        return DeleteResult(item.response_delete_range.deleted)
    if kind == "response_txn":
        return decode_txn(item.response_txn)
    return PutResult()


def decode_event(event: pb.Event) -> WatchEvent:
    """One change."""
    return WatchEvent(event.type == pb.Event.DELETE, decode_kv(event.kv))
