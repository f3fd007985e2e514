"""Documents to raw objects."""

from __future__ import annotations

import json

import pytest
from tollhouse.dataplane.runtime.sources.file_objects import Content, UnreadableConfig, read_objects

ROUTES = b"""
routes:
  - id: a
    uri: /a
    upstream: {type: roundrobin, nodes: {"${{HOST:=127.0.0.1}}:80": 1}}
consumers:
  - username: jack
    plugins: {key-auth: {key: auth-one}}
    credentials:
      - id: c1
        plugins: {key-auth: {key: auth-two}}
"""


def test_objects_of_several_files() -> None:
    """Objects of all files make one configuration, variables filled in; ids stand in the values."""
    objects = read_objects([Content("a.yaml", ROUTES), Content("b.json", b'{"services": [{"id": 7}]}')], {"HOST": "h"})
    found = {(one.kind, one.id): json.loads(one.value) for one in objects}
    assert set(found) == {("routes", "a"), ("consumers", "jack"), ("credentials", "jack/c1"), ("services", "7")}
    assert found["routes", "a"]["upstream"]["nodes"] == {"h:80": 1}
    assert found["credentials", "jack/c1"]["id"] == "c1"


def test_keys_of_consumers_become_digests() -> None:
    """What the workers get does not hold a consumer's key."""
    for one in read_objects([Content("a.yaml", ROUTES)], {}):
        assert b"auth-one" not in one.value
        assert b"auth-two" not in one.value
        if one.kind in ("consumers", "credentials"):
            assert b"sha256:" in one.value


def test_mistakes_name_file_and_line() -> None:
    """All mistakes are told at once."""
    with pytest.raises(UnreadableConfig) as caught:
        read_objects([Content("a.yaml", b"routes:\n  - id: a\n  oops"), Content("b.yaml", b"routs: []\n")], {})
    assert "a.yaml:" in str(caught.value)
    assert "b.yaml:1" in str(caught.value)


def test_one_object_in_two_files() -> None:
    """Which of the two was meant nobody can say."""
    with pytest.raises(UnreadableConfig, match=r"b\.yaml:3.*routes/a.*a\.yaml:3"):
        read_objects([Content("a.yaml", ROUTES), Content("b.yaml", ROUTES.replace(b"consumers", b"consumers"))], {})
