"""What a worker that died had reserved: where no ledger wants records, its word and the rest in doubt."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from tollhouse.dataplane.chat import Special
from tollhouse.dataplane.runtime.counts.budget_authority import BudgetAuthority
from tollhouse.dataplane.runtime.ledger.outbox import Outbox
from tollhouse.dataplane.runtime.ledger.outbox_reader import Entry
from tollhouse.dataplane.runtime.ledger.shipping import Shipping, usage_record
from tollhouse.dataplane.runtime.link.messages import Spent, TakeAll
from tollhouse.dataplane.settings import Settings
from tollhouse.dataplane.spending import Claim, Closed, Opened, Outcome


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


def test_a_record_says_what_few_answers_have() -> None:
    """Tier, kinds, searches; of a kept answer its id, and model and prices the request did not name."""
    opened = Opened("1", 5, "q", 1, "n", "c", (), "r", "", "", "openai", "t", "", {}, "", 7, False)
    kinds = {"audio_input": 1, "audio_output": 2, "image_input": 3, "image_output": 4, "web_searches": 5}
    special = Special("batch", **kinds, answer="batch_1", kept="read", model="gpt-5", price_source="table 1")
    told = usage_record(Entry(opened, Closed("1", 9, "ok", 200, 1, 50, special=special), ()))
    assert (told.service_tier, told.audio_input_tokens, told.audio_output_tokens) == ("batch", 1, 2)
    assert (told.image_input_tokens, told.image_output_tokens, told.web_searches) == (3, 4, 5)
    assert (told.answer, told.kept, told.model, told.price_source) == ("batch_1", "read", "gpt-5", "table 1")
    plain = usage_record(Entry(opened, Closed("1", 9, "ok", 200, 1), ()))
    assert (plain.service_tier, plain.kept, plain.model) == ("", "", "")


def test_records_of_an_older_release_are_read() -> None:
    """A node is updated while its files hold some: what is new is not there."""
    old = msgspec.msgpack.encode(["c", "1", 9, "ok", 200, 1, 50])
    assert msgspec.msgpack.decode(old, type=Closed) == Closed("1", 9, "ok", 200, 1, 50)
    new = Closed("1", 9, "ok", 200, 1, special=Special("flex"))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(new), type=Closed) == new
