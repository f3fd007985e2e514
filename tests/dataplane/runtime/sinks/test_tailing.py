"""Live requests: told while somebody looks, bounded for those that do not keep up."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import grpc.aio
from tollhouse.dataplane.gateway import Gateway
from tollhouse.dataplane.runtime.link.messages import Tailed, TailWanted
from tollhouse.dataplane.runtime.sinks.tailing import BACKLOG, Tails, WorkerTail
from tollhouse.proto.admin.v1 import node_pb2, node_pb2_grpc

from tests.support.exchanges import finished_chat
from tests.support.node import Node, upstream
from tests.support.services import plain_services

__all__ = ["upstream"]


class Recording:
    """A link that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def tell(self, message: Any) -> None:
        self.told.append(message)


async def test_a_worker_tells_only_while_it_is_wanted_and_no_more_than_that():
    """What is beyond the pace is counted."""
    gateway, link = Gateway(plain_services()), Recording()
    tail = WorkerTail(gateway, lambda: link, lambda: 7.0)  # type: ignore[arg-type,return-value]
    ex = await finished_chat()
    assert gateway.recorders == []
    tail.follow(TailWanted(2))
    for _ in range(5):
        gateway.recorders[0](ex)
    await asyncio.sleep(0.15)
    [told] = link.told
    assert (len(told.entries), told.lost) == (2, 3)
    assert "confidential" not in str(told.entries)
    tail.follow(TailWanted(0))
    assert gateway.recorders == []


async def test_listeners_share_what_comes_and_a_slow_one_loses_alone():
    """Workers are told to stop with the last of them."""
    wanted: list[int] = []
    tails = Tails(lambda message: wanted.append(message.most_per_second))
    async with tails.listen(1000) as quick, tails.listen(0) as slow:
        tails.told(Tailed([b"{}"] * 5, lost=1))
        assert await anext(quick) == (b"{}", 1)
        tails.told(Tailed([b"{}"] * BACKLOG))
        tails.told(Tailed([b"x"]))
        for _ in range(4):
            assert await anext(quick) == (b"{}", 0)
        assert await anext(slow) == (b"{}", 1)
    assert wanted == [1000, 1000, 100, 0] or wanted == [1000, 1000, 1000, 0]


async def test_requests_of_all_workers_come_over_grpc(tmp_path: Path, upstream: str):
    """With the node's numbers and its targets' health beside them."""
    config = tmp_path / "config.json"
    route = {"id": "r", "uri": "/*", "upstream": {"type": "roundrobin", "nodes": {upstream: 1}}}
    config.write_text(json.dumps({"routes": [route]}))
    node = await Node(tmp_path, "--config", str(config), "--workers", "2").start().ready()
    try:
        async with grpc.aio.insecure_channel(node.addresses["grpc"]) as channel, aiohttp.ClientSession() as session:
            stub = node_pb2_grpc.NodeServiceStub(channel)
            call = stub.Tail(node_pb2.TailRequest())
            await call.initial_metadata()
            await asyncio.sleep(0.1)
            for _ in range(10):
                async with session.get(node.http("/hello")) as answer:
                    assert answer.status == 200
            seen = [json.loads((await asyncio.wait_for(call.read(), 5)).entry_json) for _ in range(10)]
            assert {one["uri"] for one in seen} == {"/hello"}
            call.cancel()
            numbers = await stub.Numbers(node_pb2.NumbersRequest(names=["tollhouse_workers_serving"]))
            assert [(one.name, one.series[0].value) for one in numbers.families] == [("tollhouse_workers_serving", 2)]
            health = await stub.TargetHealth(node_pb2.TargetHealthRequest())
            assert sorted(one.worker for one in health.workers) == [0, 1]
    finally:
        node.kill()
