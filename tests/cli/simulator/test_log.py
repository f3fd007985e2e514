"""What a simulator remembers."""

from tollhouse.cli.simulator.log import Entry, Log


def test_sums_outlive_entries() -> None:
    """Only the last entries are kept, sums count all; clearing forgets both."""
    log = Log(capacity=1)
    for number in (1, 2):
        entry = Entry(number, "POST", "/", {}, None)
        log.add(entry)
        log.bill(entry, {"input": 3})
    seen = log.as_json()
    assert [one["number"] for one in seen["entries"]] == [2]
    assert (seen["requests"], seen["billed"]) == (2, {"input": 6})
    log.clear()
    assert log.as_json() == {"requests": 0, "billed": {}, "entries": []}
