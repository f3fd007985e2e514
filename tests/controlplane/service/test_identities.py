from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.controlplane.store.store import Store
from tollhouse.proto.admin.v1 import config_pb2 as pb
from tollhouse.proto.sealing import digest

from tests.controlplane.plane import METADATA, Plane
from tests.support.etcd_server import EtcdServer

TAKEN = "duplicate key of plugin key-auth found with consumer: {}"


def consumer(username: str, key: str = "") -> dict[str, object]:
    return {"username": username, "plugins": {"key-auth": {"key": key}} if key else {}}


async def put(plane: Plane, username: str, key: str = "", **query: int) -> tuple[int, str]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    answer = await plane.call("PUT", f"consumers?{asked}", consumer(username, key))
    return answer.status, (answer.body or {}).get("error_msg", "")


async def past_us(plane: Plane, username: str, key: str) -> None:
    """As APISIX or an older version leaves it: an object without an entry in the index."""
    text = json.dumps(consumer(username, digest(key))).encode()
    await plane.etcd.put(f"{plane.prefix}/consumers/{username}", text)


async def index(plane: Plane) -> dict[str, bytes]:
    found = await plane.etcd.get_prefix(f"{plane.fleet_prefix}/identities/key-auth/")
    return {kv.key.rpartition("/")[2]: kv.value for kv in found.kvs}


async def test_objects_that_came_another_way(plane: Plane) -> None:
    """Consumers that stood in etcd before the first write have their keys too."""
    await past_us(plane, "old", "the-old-key")
    assert await put(plane, "new", "the-old-key") == (400, TAKEN.format("old"))
    assert await put(plane, "new", "another-key") == (201, "")
    assert await index(plane) == {digest("the-old-key"): b"consumers/old", digest("another-key"): b"consumers/new"}


async def test_key_of_a_credential(plane: Plane) -> None:
    """A credential's key is its consumer's, and is free again when the consumer goes."""
    await put(plane, "jack")
    body = {"plugins": {"key-auth": {"key": "laptop-key"}}}
    assert (await plane.call("PUT", "consumers/jack/credentials/laptop", body)).status == 201
    assert await put(plane, "jill", "laptop-key") == (400, TAKEN.format("jack"))
    assert (await plane.call("DELETE", "consumers/jack")).status == 200
    assert await index(plane) == {}
    assert await put(plane, "jill", "laptop-key") == (201, "")


async def test_changed_and_kept_keys(plane: Plane) -> None:
    """A consumer's new key frees the old one; writing it again with its mask keeps it."""
    await put(plane, "jack", "first-key")
    await put(plane, "jack", "second-key")
    assert await put(plane, "jack", "********") == (200, "")
    assert await put(plane, "jill", "first-key") == (201, "")
    assert await put(plane, "jill", "second-key") == (400, TAKEN.format("jack"))


async def test_owner_that_went_another_way(plane: Plane) -> None:
    """An entry whose owner was deleted, or lost the key, past us does not keep the key from anybody."""
    await put(plane, "gone", "key-one")
    await put(plane, "changed", "key-two")
    await plane.etcd.delete(f"{plane.prefix}/consumers/gone")
    await past_us(plane, "changed", "quite-another")
    assert await put(plane, "one", "key-one") == (201, "")
    assert await put(plane, "two", "key-two") == (201, "")


async def test_expiring_consumer(plane: Plane) -> None:
    """The entry of a consumer with a ttl goes with it, and stays when the consumer is to stay."""
    await put(plane, "brief", "brief-key", ttl=3600)
    (entry,) = (await plane.etcd.get_prefix(f"{plane.fleet_prefix}/identities/key-auth/")).kvs
    held = await plane.etcd.get(f"{plane.prefix}/consumers/brief")
    assert held is not None
    assert entry.lease == held.lease != 0
    await put(plane, "brief", "brief-key")
    (entry,) = (await plane.etcd.get_prefix(f"{plane.fleet_prefix}/identities/key-auth/")).kvs
    assert entry.lease == 0


async def test_wiped_index(plane: Plane) -> None:
    """When the index is gone (etcd restored from somewhere else), it is made anew before it is relied on."""
    await put(plane, "jack", "the-key")
    await plane.etcd.delete(f"{plane.fleet_prefix}/identities/", prefix=True)
    assert await put(plane, "jill", "the-key") == (400, TAKEN.format("jack"))


async def test_set_moves_a_key(plane: Plane) -> None:
    """One document set gives a consumer's key to another; afterwards it is the other's."""
    await put(plane, "jack", "the-key")
    document = json.dumps({"consumers": [consumer("jack", "fresh-key"), consumer("jill", "the-key")]}).encode()
    request = pb.ApplyRequest(documents=[pb.Document(name="set.json", content=document)])
    answer = await plane.config.Apply(request, metadata=METADATA)
    assert not [problem for problem in answer.problems if problem.severity == "error"]
    assert await index(plane) == {digest("fresh-key"): b"consumers/jack", digest("the-key"): b"consumers/jill"}
    assert await put(plane, "third", "the-key") == (400, TAKEN.format("jill"))


async def test_reads_stay_few(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first write of a control plane, no write of a consumer reads all of them."""
    await put(plane, "first", "first-key")

    view = Store.view

    async def all_of_them(self: Store, *kinds: str) -> Any:
        assert not {*kinds} & {"consumers", "credentials"}, f"read everything under {kinds}"
        return await view(self, *kinds)

    monkeypatch.setattr(Store, "view", all_of_them)
    assert await put(plane, "second", "second-key") == (201, "")
    assert await put(plane, "third", "second-key") == (400, TAKEN.format("second"))
    assert (await plane.call("DELETE", "consumers/second")).status == 200


async def test_many_at_first(shared_etcd: EtcdServer) -> None:
    """An index of more entries than one transaction holds is completed too."""
    plane = Plane(shared_etcd.endpoint)
    await plane.start()
    for number in range(150):
        await past_us(plane, f"c{number}", f"key-{number}")
    assert await put(plane, "new", "key-149") == (400, TAKEN.format("c149"))
    assert len(await index(plane)) == 150
    await plane.close()
