from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tollhouse.proto.admin.v1 import config_pb2 as pb

from tests.controlplane.plane import METADATA, ROUTE, UPSTREAM, Plane
from tests.support.etcd_server import EtcdServer


async def test_two_writers_lose_nothing(plane: Plane) -> None:
    """Concurrent sub-path patches of one object all arrive."""
    await plane.call("PUT", "routes/1", ROUTE)
    answers = await asyncio.gather(*(plane.call("PATCH", f"routes/1/labels/l{n}", str(n)) for n in range(12)))
    assert [answer.status for answer in answers] == [200] * 12
    labels = (await plane.call("GET", "routes/1")).body["value"]["labels"]
    assert labels == {f"l{n}": str(n) for n in range(12)}


async def test_one_of_many_creators_wins(plane: Plane) -> None:
    """Of concurrent creations on the condition that there is none, exactly one succeeds."""
    answers = await asyncio.gather(*(plane.call("PUT", "routes/1", ROUTE, if_none_match="*") for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201] + [412] * 7


async def test_references_race_with_deletes(plane: Plane) -> None:
    """While routes are put and their upstream is deleted, no route ever refers to nothing."""
    for turn in range(10):
        await plane.call("PUT", f"upstreams/u{turn}", UPSTREAM)
        put, deleted = await asyncio.gather(
            plane.call("PUT", f"routes/r{turn}", {"uri": "/a", "upstream_id": f"u{turn}"}),
            plane.call("DELETE", f"upstreams/u{turn}"),
        )
        assert (put.status, deleted.status) in ((201, 400), (400, 200)), (put.text, deleted.text)


async def test_same_key_at_the_same_time(plane: Plane) -> None:
    """Of two consumers written at the same moment with the same key, one is refused."""
    bodies = [{"username": f"c{n}", "plugins": {"key-auth": {"key": "one-and-the-same-key"}}} for n in range(4)]
    answers = await asyncio.gather(*(plane.call("PUT", "consumers", body) for body in bodies))
    assert sorted(answer.status for answer in answers) == [201, 400, 400, 400]


@pytest.fixture
async def twins(shared_etcd: EtcdServer) -> AsyncIterator[tuple[Plane, Plane]]:
    """Two control planes over the same configuration: what one process orders, two must settle in etcd."""
    one = Plane(shared_etcd.endpoint)
    two = Plane(shared_etcd.endpoint, prefix=one.prefix)
    await one.start()
    await two.start()
    yield one, two
    await one.close()
    await two.close()


async def test_two_control_planes_never_tear_a_reference(twins: tuple[Plane, Plane]) -> None:
    """One control plane puts routes while the other deletes their upstream: no route ever refers to nothing."""
    one, two = twins
    for turn in range(15):
        await one.call("PUT", f"upstreams/u{turn}", UPSTREAM)
        put, deleted = await asyncio.gather(
            one.call("PUT", f"routes/r{turn}", {"uri": "/a", "upstream_id": f"u{turn}"}),
            two.call("DELETE", f"upstreams/u{turn}"),
        )
        assert (put.status, deleted.status) in ((201, 400), (400, 200)), (put.text, deleted.text)


async def test_two_control_planes_never_share_a_key(twins: tuple[Plane, Plane]) -> None:
    """Both write a consumer with the same key at the same moment: one is refused."""
    for turn in range(8):
        bodies = [{"username": f"c{turn}{n}", "plugins": {"key-auth": {"key": f"the-key-{turn}"}}} for n in range(2)]
        answers = await asyncio.gather(
            *(plane.call("PUT", "consumers", body) for plane, body in zip(twins, bodies, strict=True))
        )
        assert sorted(answer.status for answer in answers) == [201, 400]


async def test_two_control_planes_apply_at_once(twins: tuple[Plane, Plane]) -> None:
    """Both apply sets that exclude one another: the second sees the first, whichever it is."""
    one, two = twins
    await one.call("PUT", "upstreams/u", UPSTREAM)
    keep = pb.Document(name="keep", content=b"routes:\n  - {id: r, uri: /a, upstream_id: u}")
    drop = pb.Document(name="drop", content=b"upstreams: []")
    kept, dropped = await asyncio.gather(
        one.config.Apply(pb.ApplyRequest(documents=[keep]), metadata=METADATA),
        two.config.Apply(pb.ApplyRequest(documents=[drop], prune=True), metadata=METADATA),
    )
    assert bool(kept.revision) != bool(dropped.revision)


async def test_every_write_bumps_the_generation(plane: Plane) -> None:
    """Puts, patches and deletes also write the generation key, in the same transaction."""
    key = f"{plane.fleet_prefix}/generation"
    await plane.call("PUT", "routes/1", ROUTE)
    first = await plane.etcd.get(key)
    assert first is not None
    assert first.mod_revision == (await plane.call("GET", "routes/1")).body["modifiedIndex"]
    await plane.call("PATCH", "routes/1", {"desc": "x"})
    await plane.call("DELETE", "routes/1")
    last = await plane.etcd.get(key)
    assert last is not None
    assert last.version == first.version + 2


async def test_etcd_down(etcd: EtcdServer) -> None:
    """With etcd killed, reads and writes answer 503 and say so; when it is back, all is as before."""
    plane = Plane(etcd.endpoint)
    await plane.start()
    try:
        assert (await plane.call("PUT", "routes/1", ROUTE)).status == 201
        etcd.kill()
        for method, body in (("GET", None), ("PUT", ROUTE), ("PATCH", {"desc": "x"}), ("DELETE", None)):
            answer = await plane.call(method, "routes/1", body)
            assert answer.status == 503, answer.text
            assert answer.body["error_msg"].startswith("etcd")
        assert (await plane.call("GET", "/readyz", key=None)).status == 503
        assert (await plane.call("GET", "/healthz", key=None)).status == 200
        assert (await plane.call("GET", "plugins/list")).status == 200
        etcd.start()
        for _ in range(50):
            answer = await plane.call("PUT", "routes/2", ROUTE)
            if answer.status == 201:
                break
            await asyncio.sleep(0.1)
        assert answer.status == 201
        assert (await plane.call("GET", "routes")).body["total"] == 2
    finally:
        await plane.close()


async def test_what_a_budget_counts_cannot_change(plane: Plane) -> None:
    """Its counts are kept: nano-dollars would be taken for tokens. Everything else of it can."""
    budget = {"unit": "usd", "amount": 5, "window": "day"}
    assert (await plane.call("PUT", "budgets/b", budget)).status == 201
    refused = await plane.call("PUT", "budgets/b", {**budget, "unit": "tokens"})
    assert refused.status == 400
    assert "keeps what it has counted" in refused.text
    assert (await plane.call("PATCH", "budgets/b", {"unit": "requests"})).status == 400
    assert (await plane.call("PUT", "budgets/b", {**budget, "amount": 7, "window": "month"})).status == 200
    tokens = {"unit": "tokens", "amount": 5, "window": "day"}
    assert (await plane.call("PUT", "budgets/t", tokens)).status == 201
    assert (await plane.call("PUT", "budgets/t", {**tokens, "count": "input"})).status == 400
