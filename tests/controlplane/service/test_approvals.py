"""Approvals are opened once, decided once, and tell who decided; over gRPC, REST, and by signed links."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import grpc
import grpc.aio
import pytest
from tollhouse.controlplane.app import ControlPlane
from tollhouse.proto.admin.v1 import approvals_pb2 as pb
from tollhouse.proto.admin.v1 import approvals_pb2_grpc

from tests.controlplane.plane import METADATA, VIEWER, VIEWER_METADATA, Plane
from tests.support.etcd_server import EtcdServer

BUDGET = {"unit": "usd", "amount": 10, "window": "day", "on_exceed": "escalate"}
PUBLIC = "https://gateway.example.com"


@pytest.fixture
async def asking(shared_etcd: EtcdServer) -> AsyncIterator[Plane]:
    plane = Plane(shared_etcd.endpoint)
    plane.control = ControlPlane(replace(plane.settings, public_url=PUBLIC))
    await plane.start()
    assert (await plane.call("PUT", "budgets/day", BUDGET)).status == 201
    yield plane
    await plane.close()


def stub(plane: Plane) -> Any:
    return approvals_pb2_grpc.ApprovalServiceStub(plane.channel)


async def opened(plane: Plane, key: str = "day|consumer=coder", **more: Any) -> Any:
    context = pb.ApprovalContext(node="n1", consumer="coder", model="gpt-5", messages=3, body_bytes=900, held=True)
    asked = {"budget": "day", "key": key, "unit": "usd", "limit": 10_000_000_000, "used": 9_990_000_000}
    request = pb.OpenApprovalRequest(**asked, needed=250_000_000, ttl_s=600, context=context, **more)
    return await stub(plane).Open(request, metadata=METADATA)


async def test_a_need_opens_one_approval_however_many_ask(asking: Plane) -> None:
    """Nodes that ask at the same moment get the same; it is in no dump and in no document."""
    answers = await asyncio.gather(*(opened(asking) for _ in range(5)))
    assert len({one.approval.id for one in answers}) == 1
    assert sorted(one.created for one in answers) == [False] * 4 + [True]
    other = await opened(asking, "day|consumer=tester")
    assert other.created
    listed = (await asking.call("GET", "approvals?state=pending", key=VIEWER)).body
    assert listed["total"] == 2
    value = listed["list"][0]["value"]
    assert (value["needed"], value["limit"], value["suggested"]) == ("0.25", "10.00", "1.00")
    assert value["context"]["messages"] == 3
    assert listed["list"][0]["key"].endswith(f"/approvals/{value['id']}")
    refused = await asking.call("PUT", f"approvals/{value['id']}", value)
    assert (refused.status, "GET" in refused.text) == (405, True)


async def test_of_two_operators_at_once_one_decides(asking: Plane) -> None:
    """The other is told who did; the decision stands in the history, the question does not."""
    approval = (await opened(asking)).approval
    calls = [
        asking.call("POST", f"approvals/{approval.id}/approve", {"amount": "2.5", "for": "30m", "note": "fine"}),
        asking.call("POST", f"approvals/{approval.id}/deny", {"for": 60}),
        stub(asking).Approve(pb.ApproveRequest(id=approval.id), metadata=METADATA),
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    won = [one for one in results if not isinstance(one, BaseException) and getattr(one, "status", 200) == 200]
    assert len(won) == 1
    late = await asking.call("POST", f"approvals/{approval.id}/approve", {})
    assert (late.status, "already" in late.text, "admin" in late.text) == (412, True, True)
    writes = (await asking.call("GET", "history?kind=approvals")).body["list"]
    assert [(one["changes"][0]["action"], one["purpose"]) for one in writes] == [("update", f"approval {approval.id}")]


async def test_a_grant_has_an_amount_and_an_end(asking: Plane) -> None:
    """Amounts are the unit's, times have bounds; a grant can be taken back, once."""
    approval = (await opened(asking)).approval
    path = f"approvals/{approval.id}/approve"
    for body in ({"amount": "-1"}, {"amount": "many"}, {"for": "soon"}, {"for": "32d"}, {"amont": 1}, []):
        assert (await asking.call("POST", path, body)).status == 400, body
    assert (await asking.call("POST", path, {}, key=VIEWER)).status == 401
    granted = (await asking.call("POST", path, {"amount": 2.5, "for": "30m"})).body["value"]
    assert (granted["granted"], granted["active"], granted["decided_by"]) == ("2.50", True, "admin")
    assert granted["until"] - granted["decided_at"] == 1800
    again = await opened(asking)
    assert (again.created, again.approval.id) == (False, approval.id)  # the node has not heard of it yet
    revoked = await stub(asking).Revoke(pb.RevokeRequest(id=approval.id), metadata=METADATA)
    assert (revoked.state, revoked.active) == ("revoked", False)
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await stub(asking).Revoke(pb.RevokeRequest(id=approval.id), metadata=METADATA)
    assert failed.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert (await opened(asking)).created


async def test_what_nobody_decided_in_time_cannot_be_decided(asking: Plane) -> None:
    """A denial holds for a while: nobody is asked again; what expired is asked anew."""
    approval = (await opened(asking)).approval
    await stub(asking).Deny(pb.DenyRequest(id=approval.id, for_s=3600, note="no"), metadata=METADATA)
    again = await opened(asking)
    assert (again.created, again.approval.state, again.approval.note) == (False, "denied", "no")
    service = asking.control._rest._service.approvals  # type: ignore[union-attr]
    before, now = service._clock, service._clock() + 4000
    service._clock = lambda: now
    fresh = await opened(asking)
    assert fresh.created
    service._clock = lambda: now + 700
    assert (await asking.call("GET", f"approvals/{fresh.approval.id}")).body["value"]["state"] == "expired"
    late = await asking.call("POST", f"approvals/{fresh.approval.id}/approve", {})
    assert (late.status, "in time" in late.text) == (412, True)
    service._clock = before


async def test_only_admins_decide_over_grpc(asking: Plane) -> None:
    """A viewer may look."""
    approval = (await opened(asking)).approval
    found = await stub(asking).List(pb.ListApprovalsRequest(), metadata=VIEWER_METADATA)
    assert [one.id for one in found.approvals] == [approval.id]
    for call, request in (
        (stub(asking).Approve, pb.ApproveRequest(id=approval.id)),
        (stub(asking).Deny, pb.DenyRequest(id=approval.id)),
        (stub(asking).Open, pb.OpenApprovalRequest()),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(request, metadata=VIEWER_METADATA)
        assert failed.value.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_a_link_decides_once_and_grants_no_more_than_is_suggested(asking: Plane) -> None:
    """Fetching it decides nothing; forged and used ones are good for nothing."""
    answer = await opened(asking)
    assert answer.link.startswith(f"{PUBLIC}/approve/{answer.approval.id}.")
    path = answer.link.removeprefix(PUBLIC)
    page = await asking.call("GET", path, key=None)
    assert (page.status, "coder" in page.text, page.headers["Cache-Control"]) == (200, True, "no-store")
    assert (await asking.call("GET", f"approvals/{answer.approval.id}")).body["value"]["state"] == "pending"
    assert (await asking.call("GET", path[:-1] + ("A" if path[-1] != "A" else "B"), key=None)).status == 404
    more = await asking.call("POST", path, key=None, raw=b"decision=approve&amount=5")
    assert (more.status, "at most" in more.text) == (409, True)
    tries = [asking.call("POST", path, key=None, raw=b"decision=approve&amount=0.5&for=10m") for _ in range(4)]
    assert sorted(one.status for one in await asyncio.gather(*tries)) == [200, 409, 409, 409]
    value = (await asking.call("GET", f"approvals/{answer.approval.id}")).body["value"]
    assert (value["granted"], value["decided_by"], value["decided_via"]) == ("0.50", "signed link", "link")
