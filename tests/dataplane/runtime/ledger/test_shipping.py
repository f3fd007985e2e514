"""What a worker that died had reserved: where no ledger wants records, its word and the rest in doubt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tollhouse.dataplane.runtime.counts.budget_authority import BudgetAuthority
from tollhouse.dataplane.runtime.ledger.outbox import Outbox
from tollhouse.dataplane.runtime.ledger.shipping import Shipping
from tollhouse.dataplane.runtime.link.messages import Spent, TakeAll
from tollhouse.dataplane.settings import Settings
from tollhouse.dataplane.spending import Claim, Outcome


def claim(key: str, units: int, *, strict: bool = False) -> Claim:
    return Claim(key, units, 10_000, 100, 100, 4_000_000_000, True, strict)


@pytest.mark.parametrize("told", [True, False])
async def test_an_envelope_comes_to_what_was_told_and_the_rest_may_have_been_billed(tmp_path: Path, told: bool) -> None:
    """A strict budget pays all of it."""
    authority = BudgetAuthority(str(tmp_path), "n")
    authority.open()
    shipping = Shipping(Settings(state_dir=str(tmp_path)), "n", authority)
    outbox = Outbox(tmp_path / "outbox", shipped=False)
    name, single = f"{outbox.series}-E1", f"{outbox.series}-1"
    authority.take(1, TakeAll(name, (claim("loose", 1600), claim("strict", 1600, strict=True))))
    authority.take(1, TakeAll(single, (claim("loose", 50),)))
    if told:
        shipping.told(Spent(name, (Outcome(300, 20), Outcome(300, 20))))
    os.close(outbox._file)  # its worker is gone
    shipping.worker_gone()
    shipping.look()
    spent = 300 if told else 0
    found = {key: (one.spent, one.held, one.doubt) for key, _, one in authority.counts}
    assert found == {"loose": (spent, 0, 1600 - spent), "strict": (1600, 0, 1600 - spent)}
    await authority.close()
