"""Entries keep what is needed to take a write back, and nothing that is no object."""

from __future__ import annotations

from tollhouse.controlplane.author import Author
from tollhouse.controlplane.store import history, store
from tollhouse.proto.etcd import KeyValue

from tests.controlplane.plane import ROUTE, Plane

WHO = Author("ci", "admin", "rest", "127.0.0.1")


def entry(value: bytes) -> history.Entry | None:
    return history.decode_entry(KeyValue("k", value, 7, 7, 1, 0))


def test_an_entry_comes_back_as_it_was() -> None:
    """With the action of each object, and the digest of what was written."""
    before = {"/a/routes/1": {"uri": "/x"}, "/a/routes/2": None, "/a/routes/3": {"uri": "/z"}}
    puts = {"/a/routes/1": b'{"uri":"/y"}', "/a/routes/2": b"{}", "/index/x": b"1"}
    made = history.encode_entry("/a", before, puts, 5.0, WHO, "why")
    assert made is not None
    told = entry(made)
    assert told is not None
    assert (told.revision, told.at, told.author, told.purpose) == (7, 5.0, WHO, "why")
    assert [(one.id, one.action) for one in told.changes] == [("1", "update"), ("2", "create"), ("3", "delete")]
    assert told.changes[0].digest == history.digest(puts["/a/routes/1"])
    assert told.changes[2].digest == ""


def test_what_touches_no_object_leaves_no_entry_and_what_is_none_is_skipped() -> None:
    """Index entries alone, and foreign values."""
    assert history.encode_entry("/a", {}, {"/index/x": b"1"}, 5.0, WHO, "") is None
    assert entry(b"not ours") is None


async def test_only_so_many_are_kept(plane: Plane, monkeypatch: object) -> None:
    """The oldest go, a few writes later."""
    store.KEPT, kept = 10, store.KEPT  # type: ignore[misc]
    try:
        for number in range(34):
            assert (await plane.call("PUT", f"routes/{number}", ROUTE)).status == 201
    finally:
        store.KEPT = kept  # type: ignore[misc]
    left = (await plane.call("GET", "history?limit=100")).body["list"]
    assert 10 <= len(left) < 20
    assert left[0]["changes"][0]["id"] == "33"
