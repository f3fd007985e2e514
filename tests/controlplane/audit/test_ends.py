"""How far the trail went, written down elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete
from tollhouse.controlplane.audit.ends import WrongEnds, decode_ends, encode_ends
from tollhouse.controlplane.audit.lines import ADMIN_CHAIN
from tollhouse.controlplane.audit.schema import lines
from tollhouse.controlplane.audit.trail import AuditTrail, AuditUnavailable
from tollhouse.controlplane.service.refusal import Fault, Refusal

ENDS = {"n1/worker-0": (6, "ab"), ADMIN_CHAIN: (2, "cd")}


def test_ends_are_read_by_their_key_alone() -> None:
    """Another's are none; without a key there is nothing to check."""
    told = encode_ends(ENDS, b"key")
    assert decode_ends(told, b"key") == ENDS
    assert decode_ends(b"", b"key") == {}
    for value, key in ((told, b"other"), (told.replace(b"6", b"5"), b"key"), (b"{}", b"key"), (b"[", b"key")):
        with pytest.raises(WrongEnds):
            decode_ends(value, key)


async def test_a_trail_that_was_cut_off_with_its_seals_is_found(tmp_path: Path) -> None:
    """The database alone would look whole; without the note nothing is called whole."""
    trail, note = AuditTrail(str(tmp_path / "audit.sqlite"), "the operator's"), b""

    async def written_down() -> bytes:
        return note

    trail.written_down = written_down
    await trail.start()
    for number in range(4):
        await trail.note({"kind": "admin", "rule": "admin/routes", "action": "create", "number": number})
    await trail.note({"kind": "seal", "rule": "seal", "action": "seal", "ends": await trail.ends()})
    note = trail.sealed(await trail.ends())
    assert (await trail.verify()).whole
    async with trail._engine.begin() as connection:
        await connection.execute(delete(lines).where(lines.c.seq > 2))
    told = await trail.verify()
    assert [problem for chain in told.chains for problem in chain.problems] == [
        "line 5, which the note in etcd names, is missing or another one"
    ]
    note = encode_ends({}, b"a forger's")
    assert "does not count" in (await trail.verify()).chain(ADMIN_CHAIN).problems[0]

    async def away() -> bytes:
        raise Refusal(Fault.UNAVAILABLE, "etcd: nobody answers")

    trail.written_down = away
    with pytest.raises(AuditUnavailable, match="nobody answers"):
        await trail.verify()
    await trail.close()
