"""The audit trail over its faces: what is written, found, checked, exported, and what a forger cannot hide."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from sqlalchemy import delete, select, update
from tollhouse.controlplane.app import ControlPlane
from tollhouse.controlplane.audit.lines import ADMIN_CHAIN
from tollhouse.controlplane.audit.schema import lines
from tollhouse.controlplane.audit.trail import AuditTrail
from tollhouse.proto.admin.v1 import audit_pb2 as pb
from tollhouse.proto.admin.v1 import audit_pb2_grpc
from tollhouse.proto.audit_chain import Chain, seal_key, verify

from tests.controlplane.plane import ADMIN, METADATA, Plane
from tests.support.etcd_server import EtcdServer

SEALING = "the operator's key of these tests"
SECRET = "sk-canary-of-the-audit-trail-0123456789"


def node_lines(count: int) -> list[bytes]:
    """A node's chain."""
    chain, made = Chain(seal_key(SEALING)), []
    for number in range(count):
        rule, action = (
            ("permission/model_not_allowed", "block") if number % 3 == 2 else ("secrets/openai.key", "redact")
        )
        event = {
            "time": f"2100-01-01T08:00:{number:02}.000+00:00",
            "node": "n1",
            "request_id": f"r{number // 2}",
            "consumer": "coder",
            "client_ip": "10.0.0.7",
            "route": "chat",
            "model": "gpt-4o",
            "rule": rule,
            "action": action,
            "revision": 10**9,
            "value_digest": "ab12",
        }
        made.append(chain.next(event))
        chain.keep()
    return made


@pytest.fixture
async def trail(tmp_path: Path) -> AsyncIterator[AuditTrail]:
    """Over a file of its own."""
    one = AuditTrail(str(tmp_path / "audit.sqlite"), SEALING)
    await one.start()
    yield one
    await one.close()


@pytest.fixture
async def plane(shared_etcd: EtcdServer, tmp_path: Path) -> AsyncIterator[Plane]:
    """A control plane that keeps a trail and seals it all the time."""
    one = Plane(shared_etcd.endpoint)
    kept = str(tmp_path / "audit.sqlite")
    one.control = ControlPlane(dataclasses.replace(one.settings, audit=kept, audit_seal_s=0.2, sealing_key=SEALING))
    await one.start()
    yield one
    await one.close()


async def until(ask: Any, wanted: Any, tries: int = 60) -> Any:
    """Ask until the answer is as wanted."""
    for _ in range(tries):
        answer = await ask()
        if wanted(answer):
            return answer
        await asyncio.sleep(0.1)
    raise AssertionError(answer)


async def test_changes_and_verdicts_in_one_trail(plane: Plane) -> None:
    """An admin's change and a node's verdict are found, explained, checked and exported; no secret is among them."""
    async with aiohttp.ClientSession(plane.url, headers={"X-API-KEY": ADMIN}) as session:

        async def get(path: str) -> Any:
            async with session.get(f"/apisix/admin/{path}") as answer:
                assert answer.status == 200, await answer.text()
                return await answer.json()

        auth = {"header": {"Authorization": f"Bearer {SECRET}"}}
        route = {"uri": "/v1/chat/completions", "plugins": {"ai-proxy": {"provider": "openai", "auth": auth}}}
        for uri in (route["uri"], "/v1/other"):
            async with session.put("/apisix/admin/routes/chat", json={**route, "uri": uri}) as answer:
                assert answer.status in (200, 201), await answer.text()
        changes = await until(lambda: get("audit?kind=admin&rule=admin/routes"), lambda told: told["total"] == 2)
        newest, oldest = changes["list"]
        assert (newest["action"], oldest["action"]) == ("update", "create")
        assert newest["actor"]
        assert newest["address"] == "127.0.0.1"
        (change,) = newest["event"]["changes"]
        assert change["fields"] == ["uri"]
        assert change["before"] == oldest["event"]["changes"][0]["after"] != change["after"]

        stub: Any = audit_pb2_grpc.AuditServiceStub(plane.channel)
        batch = pb.AuditBatch(sequence=1, chain="n1/worker-0", lines=node_lines(5))
        call = stub.Intake(iter([batch, batch]), metadata=METADATA)
        assert [ack.sequence async for ack in call] == [1, 1]
        found = await stub.Search(pb.SearchAuditRequest(kind="permission"), metadata=METADATA)
        assert [record.request_id for record in found.records] == ["r1"]

        told = await get("audit/requests/r1")
        assert [one["rule"] for one in told["records"]] == ["permission/model_not_allowed", "secrets/openai.key"]
        assert told["configuration"]["event"]["revision"] == newest["revision"]
        page = await get("audit?limit=2&actor=coder")
        rest = await get(f"audit?limit=5&actor=coder&before={page['next']}")
        assert (page["total"], rest["total"], rest["next"]) == (2, 3, 0)

        checked = await until(lambda: get("audit/verify"), lambda told: told["seals"] > 0)
        assert checked["whole"]
        assert checked["key"]
        async with session.get("/apisix/admin/audit/export") as answer:
            exported = await answer.read()
        assert SECRET.encode() not in exported
        chains: dict[str, list[bytes]] = {}
        for line in exported.splitlines():
            name = "node" if b'"node":"n1"' in line else ADMIN_CHAIN
            chains.setdefault(name, []).append(line)
        for name, told_lines in chains.items():
            assert verify(told_lines, seal_key(SEALING)).problems == [], name


async def test_a_forger_is_found(trail: AuditTrail) -> None:
    """Changed, removed, swapped and cut lines are told, each by its chain; another key's seals too."""
    await trail.store("n1/worker-0", node_lines(6))
    await trail.note({"kind": "seal", "rule": "seal", "action": "seal", "ends": await trail.ends()})
    assert (await trail.verify()).whole

    async def problems() -> list[str]:
        told = await trail.verify()
        assert not told.whole
        return [problem for chain in told.chains if chain.chain == "n1/worker-0" for problem in chain.problems]

    async def execute(statement: Any) -> None:
        async with trail._engine.begin() as connection:
            await connection.execute(statement)

    node = lines.c.chain == "n1/worker-0"
    async with trail._engine.connect() as connection:
        kept = {row.seq: row.line for row in await connection.execute(select(lines.c.seq, lines.c.line).where(node))}

    await execute(update(lines).where(node, lines.c.seq == 3).values(line=kept[3].replace("coder", "other")))
    assert any("content was changed" in problem for problem in await problems())
    await execute(update(lines).where(node, lines.c.seq == 3).values(line=kept[3]))

    await execute(delete(lines).where(node, lines.c.seq == 2))
    assert any("number 3 after 1" in problem for problem in await problems())
    await trail.store("n1/worker-0", [kept[2].encode()])

    await execute(delete(lines).where(node, lines.c.seq == 6))
    assert await problems() == ["line 6, which a seal names, is missing or another one"]
    await execute(delete(lines).where(node))
    assert await problems() == ["line 6, which a seal names, is missing or another one"]


async def test_what_is_no_line_is_not_kept(trail: AuditTrail) -> None:
    """A node that sends anything else is refused, and nothing of its batch stays."""
    good = node_lines(1)
    for bad in (b"", b"{}", b"[]", b'{"seq":"1","event":{},"hash":"x"}', b"\xff", orjson.dumps({"seq": 1, "event": 3})):
        with pytest.raises(ValueError, match="no line of an audit trail"):
            await trail.store("n1/worker-0", [*good, bad])
    assert await trail.ends() == {}


async def test_a_node_writes_nothing_in_another_s_name(trail: AuditTrail) -> None:
    """Whoever stole a node's key makes up no admin's change, no seal, and nothing in the control planes' chain."""
    with pytest.raises(ValueError, match="own chain"):
        await trail.store(ADMIN_CHAIN, node_lines(1))
    for kind in ("admin", "seal"):
        with pytest.raises(ValueError, match="only"):
            await trail.store("n1/worker-0", [Chain(seal_key(SEALING)).next({"kind": kind, "rule": "admin/routes"})])
    assert await trail.ends() == {}


async def test_what_lines_are_found_by_is_checked_too(trail: AuditTrail) -> None:
    """A line that is whole and cannot be found, for its rule stands there wrong, is told."""
    await trail.store("n1/worker-0", node_lines(3))
    async with trail._engine.begin() as connection:
        await connection.execute(update(lines).where(lines.c.seq == 2).values(rule="x", actor="nobody"))
    told = await trail.verify()
    assert told.chains[0].problems == ["line 2: the database says another actor, rule than the line"]


async def test_another_key_is_told(tmp_path: Path) -> None:
    """A chain written again without the operator's key has no seals that hold."""
    forger = AuditTrail(str(tmp_path / "audit.sqlite"), "another key")
    await forger.start()
    await forger.note({"kind": "admin", "rule": "admin/routes", "action": "create"})
    await forger.close()
    keeper = AuditTrail(str(tmp_path / "audit.sqlite"), SEALING)
    await keeper.start()
    told = await keeper.verify()
    await keeper.close()
    assert told.chains[0].problems == ["its seal is not by this key"]
