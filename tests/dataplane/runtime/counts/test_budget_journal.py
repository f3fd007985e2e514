"""Counts of budgets outlive their process, whatever the moment it died at."""

from pathlib import Path

from tollhouse.dataplane.engine.reservations import Reservations
from tollhouse.dataplane.runtime.counts import budget_journal
from tollhouse.dataplane.runtime.counts.budget_journal import BudgetJournal, Held, Settled
from tollhouse.dataplane.spending import Claim, Outcome

CLAIM = Claim("k", 100, 1000, 5, 5, 50)


def opened(path: Path) -> tuple[BudgetJournal, Reservations]:
    counts = Reservations()
    journal = BudgetJournal(path, counts)
    journal.open()
    return journal, counts


async def test_what_was_held_and_spent_is_there_after_a_kill(tmp_path: Path) -> None:
    """No close, no sync: written is written."""
    path = tmp_path / "j"
    journal, counts = opened(path)
    for name in ("a", "b"):
        counts.take(name, (CLAIM,))
        journal.append(Held(name, (CLAIM,)))
    counts.settle("a", (Outcome(30, 7),))
    journal.append(Settled("a", (Outcome(30, 7),)))
    journal.flush()
    for _ in range(2):  # the second time from the file that was written anew
        _, again = opened(path)
        assert list(again.open) == ["b"]
        bucket = again.totals["k"][5]
        assert (bucket.spent, bucket.held, bucket.doubt) == (30, 100, 7)


async def test_a_torn_or_damaged_end_costs_only_what_was_written_last(tmp_path: Path) -> None:
    """What came before is kept; a damaged file is put aside."""
    path = tmp_path / "j"
    journal, counts = opened(path)
    counts.take("a", (CLAIM,))
    journal.append(Held("a", (CLAIM,)))
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:7])
    assert list(opened(path)[1].open) == ["a"]
    path.write_bytes(whole + b"\x00\x00\x00\x05junkjunkjunk")
    assert list(opened(path)[1].open) == ["a"]
    assert path.with_suffix(".damaged").exists()


async def test_a_long_journal_is_written_anew(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Totals and open reservations only."""
    monkeypatch.setattr(budget_journal, "LARGEST_BYTES", 2000)
    path = tmp_path / "j"
    journal, counts = opened(path)
    for number in range(200):
        counts.take(str(number), (CLAIM,))
        journal.append(Held(str(number), (CLAIM,)))
        counts.settle(str(number), (Outcome(1),))
        journal.append(Settled(str(number), (Outcome(1),)))
        journal.flush()
    assert path.stat().st_size < 2200
    _, again = opened(path)
    assert again.totals["k"][5].spent == 200
    assert not again.open
