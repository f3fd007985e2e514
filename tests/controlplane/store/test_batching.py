from __future__ import annotations

import pytest
from tollhouse.controlplane.store.batching import ETCD_MAX_OPS, RESERVED, nest
from tollhouse.proto.etcd import Op


def flat(ops: tuple[Op, ...]) -> list[str]:
    return [key for op in ops for key in (flat(op.success) if op.kind == "txn" else [op.key])]


def width(ops: tuple[Op, ...]) -> int:
    """The room etcd needs: each level is counted against what the levels above left."""
    return len(ops) + max((width(op.success) for op in ops if op.kind == "txn"), default=0)


@pytest.mark.parametrize("count", [0, 1, 126, 127, 1000, 3969, 3970, 30_000, 42**3])
def test_nest(count: int) -> None:
    """All operations are kept, in order, and every level fits into what etcd allows."""
    ops = nest([Op.put(str(n), b"") for n in range(count)])
    assert flat(ops) == [str(n) for n in range(count)]
    assert width(ops) + RESERVED <= ETCD_MAX_OPS


def test_too_many() -> None:
    """More than three levels hold is refused with the number."""
    with pytest.raises(ValueError, match="more than one etcd transaction holds"):
        nest([Op.put(str(n), b"") for n in range(42**3 + 1)])
