"""The sealing key is changed: new first, seal anew, old one gone; nothing is lost and nothing shown on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tollhouse.controlplane.app import ControlPlane
from tollhouse.proto.admin.v1 import config_pb2 as pb
from tollhouse.proto.sealing import Sealer

from tests.controlplane.plane import METADATA, SEALING, VIEWER_METADATA, Plane
from tests.support.etcd_server import EtcdServer

NEW = "the-new-sealing-key-of-the-tests-0123456789"
SECRET = "secret-that-is-sealed-0123456789"


async def plane_with(etcd: EtcdServer, sealing: str, prefix: str = "") -> Plane:
    plane = Plane(etcd.endpoint, prefix)
    plane.control = ControlPlane(replace(plane.settings, sealing_key=sealing))
    await plane.start()
    return plane


async def sealed(plane: Plane, kind: str, object_id: str) -> str:
    found = await plane.etcd.get(f"{plane.prefix}/{kind}/{object_id}")
    assert found is not None
    return found.value.decode()


async def test_the_sealing_key_is_rotated(shared_etcd: EtcdServer) -> None:
    """Also what lies under a lease; what nobody here can open is named and left alone."""
    provider = {"type": "openai", "auth": {"header": {"authorization": SECRET}}}
    store = {"uri": "http://127.0.0.1:1", "prefix": "kv", "token": SECRET}
    old = await plane_with(shared_etcd, SEALING)
    await old.call("PUT", "providers/p", provider)
    await old.call("PUT", "secrets/vault/1", store)
    await old.call("PUT", "providers/leased?ttl=600", provider)
    foreign = Sealer(["a-third-key-nobody-has-0123456789"]).seal(SECRET)
    await old.etcd.put(f"{old.prefix}/providers/lost", old_lost(foreign))
    await old.close()

    both = await plane_with(shared_etcd, f"{NEW},{SEALING}", old.prefix)
    assert (await both.call("POST", "reseal?dry_run=true")).body["changed"] == [
        "providers/leased",
        "providers/p",
        "secrets/vault/1",
    ]
    with pytest.raises(Exception, match="viewer"):
        await both.config.Reseal(pb.ResealRequest(), metadata=VIEWER_METADATA)
    done = await both.config.Reseal(pb.ResealRequest(), metadata=METADATA)
    assert list(done.changed) == ["providers/leased", "providers/p", "secrets/vault/1"]
    assert list(done.unreadable) == ["providers/lost"]
    leased = await both.etcd.get(f"{both.prefix}/providers/leased")
    assert leased is not None
    assert leased.lease
    written = (await both.call("GET", "history")).body["list"][0]
    assert written["purpose"] == "sealed anew"
    assert not (await both.config.Reseal(pb.ResealRequest(), metadata=METADATA)).changed
    await both.close()

    new = await plane_with(shared_etcd, NEW, old.prefix)
    text = await sealed(new, "providers", "p")
    assert SECRET not in text
    start = text.index("$sealed://")
    assert Sealer([NEW]).open(text[start : text.index('"', start)]) == SECRET
    masked = (await new.call("GET", "providers/p")).body["value"]
    assert (await new.call("PUT", "providers/p", {**provider, "auth": masked["auth"]})).status == 200
    assert SECRET not in (await new.call("GET", "history/" + str(written["revision"]))).text
    await new.close()


def old_lost(value: str) -> bytes:
    return ('{"id":"lost","type":"openai","auth":{"header":{"authorization":"' + value + '"}}}').encode()
