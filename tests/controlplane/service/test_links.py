"""Signed links: who may decide by them, and until when."""

from __future__ import annotations

from tollhouse.controlplane.service.links import Links

SEALING = "sealing-key-of-the-tests-0123456789"
PUBLIC = "https://gateway.example.com"


def test_links_know_their_key_and_their_time() -> None:
    """Of several sealing keys the first signs, all are known; without one there are no links."""
    old, new = Links(SEALING, PUBLIC), Links(f"another-key-0123456789,{SEALING}", PUBLIC)
    token = old.make("a1", 100).rpartition("/")[2]
    assert (old.read(token, 99), new.read(token, 99)) == ("a1", "a1")
    assert old.read(new.make("a1", 100).rpartition("/")[2], 99) is None
    assert old.read(token, 100) is None
    assert old.read(token.replace("a1.", "a2."), 99) is None
    assert old.read("nonsense", 0) is None
    assert (Links("", PUBLIC).make("a1", 1), Links(SEALING, "").make("a1", 1)) == ("", "")
