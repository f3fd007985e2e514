"""A trail nobody can edit unseen."""

import json
from pathlib import Path

import pytest
from tollhouse.proto.audit_chain import Chain, seal_key, verify

KEY = seal_key("operator")


def written(count: int, key: bytes = KEY) -> list[bytes]:
    """Lines of a trail."""
    chain = Chain(key)
    lines = []
    for number in range(count):
        lines.append(chain.next({"n": number, "text": f"\u00e4{number}"}))
        chain.keep()
    return lines


def test_a_whole_trail_verifies() -> None:
    """With and without the key; with another one it does not."""
    lines = written(5)
    assert (verify(lines, KEY).problems, verify(lines, KEY).sealed) == ([], 5)
    assert verify(lines).problems == []
    assert len(verify(lines, seal_key("other")).problems) == 5
    assert verify(written(2, b""), b"").problems == []


@pytest.mark.parametrize(
    "harm",
    [
        lambda lines: [*lines[:2], *lines[3:]],
        lambda lines: [*lines[:2], lines[2].replace(b'"n":2', b'"n":9'), *lines[3:]],
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        lambda lines: [*lines[:3], lines[1], *lines[3:]],
        lambda lines: [*lines[:2], b"{}", *lines[3:]],
        lambda lines: lines[1:],
    ],
    ids=["removed", "changed", "swapped", "repeated", "replaced", "beheaded"],
)
def test_tampering_is_seen(harm: object) -> None:
    """Also without the key."""
    assert verify(harm(written(5))).problems  # type: ignore[operator]


def test_a_recomputed_chain_lacks_the_seal() -> None:
    """Who can write the file but has no key cannot make it whole again."""
    assert verify(written(3, b""), KEY).problems


def test_a_trail_goes_on_after_a_restart(tmp_path: Path) -> None:
    """Also when the last line was cut by a crash; lines that were not taken leave no gap."""
    path = tmp_path / "a.jsonl"
    lines = written(3)
    path.write_bytes(b"\n".join(lines) + b"\n")
    chain = Chain.resume(path, KEY)
    chain.next({"lost": True})
    more = chain.next({"n": 3})
    chain.keep()
    assert verify([*lines, more], KEY).problems == []
    assert verify([Chain.resume(tmp_path / "none", KEY).next({})], KEY).problems == []


def test_lines_sealed_with_a_key_that_was_replaced_are_good() -> None:
    """While the old key is still named behind the new one; without it they are not."""
    old, new, both = seal_key("old"), seal_key("new"), seal_key("new, old")
    assert (bytes(both), both.older) == (bytes(new), (bytes(old),))
    before = Chain(old)
    lines = [before.next({"n": 1})]
    before.keep()
    after = Chain(both, 1, json.loads(lines[0])["hash"])
    lines.append(after.next({"n": 2}))
    assert (verify(lines, both).problems, verify(lines, both).sealed) == ([], 2)
    assert len(verify(lines, new).problems) == 1
