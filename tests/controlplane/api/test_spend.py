"""What the ledger answers over REST and gRPC: both say the same."""

import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import grpc.aio
import pytest
from tollhouse.controlplane.app import ControlPlane
from tollhouse.proto.admin.v1 import spend_pb2, spend_pb2_grpc

from tests.controlplane.plane import ADMIN, Plane
from tests.support.etcd_server import EtcdServer
from tests.support.ledgers import HOUR, NOW, record

DAY = NOW // 86_400_000 * 86_400
RANGE = f"from={NOW // 1000}&to={(NOW + 2 * HOUR) // 1000}"
REPORT = {
    "data": [
        {
            "start_time": DAY,
            "end_time": DAY + 86400,
            "results": [{"model": "gpt-4o", "input_tokens": 110, "output_tokens": 25, "num_model_requests": 3}],
        }
    ]
}


@pytest.fixture
async def plane(shared_etcd: EtcdServer, tmp_path: Path) -> AsyncIterator[Plane]:
    """With a ledger, and three attempts in it."""
    one = Plane(shared_etcd.endpoint)
    one.control = ControlPlane(replace(one.settings, ledger=str(tmp_path / "ledger.sqlite")))
    await one.start()
    ledger = one.control._ledger
    assert ledger is not None
    await ledger.store(
        [
            record("1"),
            record("2", consumer="big", cost_nano_usd=3000, cache_saved_nano_usd=500),
            record("3", estimated=True, outcome="cut", started_ms=NOW + HOUR, input_tokens=90),
        ]
    )
    yield one
    await one.close()


def spend(plane: Plane) -> Any:
    return spend_pb2_grpc.SpendServiceStub(plane.channel)


KEY = (("x-api-key", ADMIN),)


async def get(plane: Plane, path: str, status: int = 200, **more: Any) -> Any:
    async with aiohttp.ClientSession(headers={"x-api-key": ADMIN}) as http:
        method = "POST" if more else "GET"
        async with http.request(method, f"{plane.url}/apisix/admin/spend{path}", **more) as reply:
            assert reply.status == status, await reply.text()
            return await (reply.json() if "json" in reply.content_type else reply.read())


async def test_rows_top_and_forecast(plane: Plane) -> None:
    """Money is decimal text in JSON and nano-USD in protobuf."""
    rest = await get(plane, f"?group_by=consumer&limit=1&{RANGE}")
    assert [(row["consumer"], row["cost_usd"], row["cache_saved_usd"]) for row in rest["list"]] == [
        ("big", "0.000003", "0.0000005")
    ]
    assert rest["total"]["cost_usd"] == "0.000005"
    told = await spend(plane).Spend(spend_pb2.SpendRequest(group_by=["consumer"], limit=1), metadata=KEY)
    assert (told.rows[0].cache_saved_nano_usd, told.total.cost_nano_usd) == (500, 5000)

    top = await get(plane, f"/top?by=consumer&{RANGE}")
    assert [(line["key"], line["share"]) for line in top["list"]] == [("big", 0.6), ("coder", 0.4)]
    ranking = await spend(plane).Top(
        spend_pb2.TopRequest(by="consumer", from_ms=NOW, to_ms=NOW + 2 * HOUR), metadata=KEY
    )
    assert [(line.key, line.share) for line in ranking.lines] == [("big", 0.6), ("coder", 0.4)]

    forecast = await get(plane, "/forecast?period=month&timezone=Europe/Berlin&group_by=consumer")
    assert set(forecast) == {"from", "to", "now", "list", "total"}
    assert {"spent_usd", "expected_usd", "low_usd", "high_usd", "rate_usd", "before_usd"} == set(forecast["total"])
    same = await spend(plane).Forecast(spend_pb2.ForecastRequest(group_by=["consumer"]), metadata=KEY)
    assert same.from_ms < same.now_ms < same.to_ms


async def test_files(plane: Plane) -> None:
    """The same file from both, with a name for whoever saves it."""
    rest = await get(plane, "/export?what=records&format=csv")
    call = spend(plane).Export(spend_pb2.ExportRequest(what="records", format="csv"), metadata=KEY)
    assert b"".join([piece.data async for piece in call]) == rest
    assert rest.count(b"\n") == 4
    lines = (await get(plane, f"/export?what=focus&format=csv&consumer=big&{RANGE}")).splitlines()
    assert len(lines) == 2


async def test_a_name_in_a_table_of_sums_is_no_formula(plane: Plane) -> None:
    """Sessions are called as clients like, and spreadsheets run what begins like this; sums stay numbers."""
    ledger = plane.control._ledger
    assert ledger is not None
    await ledger.store([record("4", session="=cmd()")])
    rows = (await get(plane, "?group_by=session&format=csv&session==cmd()")).decode().splitlines()
    assert [row.split(",")[0] for row in rows] == ["session", "'=cmd()"]


async def test_reconciliation_and_corrections(plane: Plane) -> None:
    """Compared first, corrected when told to; a second time there is nothing left."""
    body = json.dumps(REPORT).encode()
    rest = await get(plane, "/reconcile", data=body)
    assert [(line["cause"], line["tokens"]) for line in rest["differences"]] == [("estimate", 10)]
    assert (rest["corrections"], rest["forms"]) == (0, ["openai usage"])
    request = spend_pb2.ReconcileRequest(reports=[body], correct=["estimate"], reason="invoice")
    done = await spend(plane).Reconcile(request, metadata=KEY)
    assert (done.corrections, done.differences[0].nano_usd) == (2, done.corrected_nano_usd)
    parts = aiohttp.FormData()
    parts.add_field("usage", io.BytesIO(body), filename="usage.json")
    assert (await get(plane, "/reconcile?correct=estimate", data=parts))["differences"] == []
    listed = await get(plane, "/corrections")
    assert {(one["corrects"], one["reason"]) for one in listed["list"]} == {("3", "invoice")}
    told = await spend(plane).Corrections(spend_pb2.CorrectionsRequest(), metadata=KEY)
    assert [one.id for one in told.corrections] == [one["id"] for one in listed["list"]]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/colour", 404, "there are top, forecast, export"),
        ("/top?by=hour", 400, "an hour spends nothing"),
        ("/forecast?period=year", 400, "day, week, month"),
        ("/export?format=xml", 400, "csv, json, parquet"),
        ("/top?colour=red", 400, "unknown argument"),
        ("/reconcile", 405, "use POST"),
    ],
)
async def test_what_does_not_fit_is_refused_by_name(plane: Plane, path: str, status: int, words: str) -> None:
    """With what there is."""
    assert words in (await get(plane, path, status))["error_msg"]


async def test_a_broken_report_and_a_wrong_question_over_grpc(plane: Plane) -> None:
    """Are the caller's fault, in words."""
    with pytest.raises(grpc.aio.AioRpcError, match="no report we know") as error:
        await spend(plane).Reconcile(spend_pb2.ReconcileRequest(reports=[b"x"]), metadata=KEY)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "no report we know" in (await get(plane, "/reconcile", 400, data=b"x"))["error_msg"]
    with pytest.raises(grpc.aio.AioRpcError, match="there are records"):
        _ = [piece async for piece in spend(plane).Export(spend_pb2.ExportRequest(what="all"), metadata=KEY)]
