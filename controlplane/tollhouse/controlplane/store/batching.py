"""More operations than one level of an etcd transaction takes: nested, still one transaction.

etcd allows 128 operations at a level **minus those of the levels above it**, so the best two levels give are 64 x 64
and the best three give 42 x 43 x 43.
"""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.proto.etcd import Op

ETCD_MAX_OPS = 128
RESERVED = 2
"""Left free at the outermost level for the operations every commit adds."""


def nest(ops: Sequence[Op]) -> tuple[Op, ...]:
    """The operations as one level that etcd takes. Raises ValueError beyond what three levels can hold."""
    room = ETCD_MAX_OPS - RESERVED
    if len(ops) <= room:
        return tuple(ops)
    half = room // 2
    if len(ops) <= half * half:
        return _level(ops, half)
    third = room // 3
    if len(ops) <= third * third * third:
        return tuple(Op.txn((), _level(part, third)) for part in _parts(ops, third * third))
    raise ValueError(f"{len(ops)} changes are more than one etcd transaction holds ({third**3})")


def _level(ops: Sequence[Op], size: int) -> tuple[Op, ...]:
    return tuple(Op.txn((), tuple(part)) for part in _parts(ops, size))


def _parts(ops: Sequence[Op], size: int) -> list[Sequence[Op]]:
    return [ops[start : start + size] for start in range(0, len(ops), size)]
