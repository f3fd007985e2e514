"""Asking the data-plane nodes: one channel per node that is registered, with the key they know."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import grpc
import grpc.aio
from tollhouse.controlplane.service.fleet import Fleet
from tollhouse.controlplane.service.refusal import Fault, Refusal
from tollhouse.proto.admin.v1 import node_pb2, node_pb2_grpc, spend_pb2, spend_pb2_grpc
from tollhouse.proto.fleet import NodeRegistration

_log = logging.getLogger("tollhouse.controlplane.console")

TIMEOUT_S = 5.0
FOLLOW_S = 3.0
"""Between looks for nodes that are new, or there again, while live requests are shown."""
Answer = TypeVar("Answer")


class Nodes:
    """The nodes of the fleet. One per process."""

    def __init__(self, fleet: Fleet, key: str, ca_file: str = "", cert_file: str = "", key_file: str = "") -> None:
        self._fleet = fleet
        self._metadata = (("x-api-key", key),) if key else ()
        self._ca_file = ca_file
        self._pair_files = (key_file, cert_file)
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def registered(self) -> tuple[NodeRegistration, ...]:
        """All live nodes."""
        return await self._fleet.nodes()

    async def numbers(self, names: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, str]]:
        """The families of each node by its id, and why the others did not answer."""
        request = node_pb2.NumbersRequest(names=names)
        return await self._ask_all(lambda stub: stub.Numbers(request, timeout=TIMEOUT_S, metadata=self._metadata))

    async def health(self) -> tuple[dict[str, Any], dict[str, str]]:
        """What each node's workers know of their targets, by its id."""
        request = node_pb2.TargetHealthRequest()
        return await self._ask_all(lambda stub: stub.TargetHealth(request, timeout=TIMEOUT_S, metadata=self._metadata))

    async def budgets(self) -> tuple[dict[str, Any], dict[str, str]]:
        """What each node knows of the budgets, by its id."""
        request = spend_pb2.ListBudgetsRequest()

        def ask(channel: grpc.aio.Channel) -> Any:
            stub = spend_pb2_grpc.BudgetServiceStub(channel)
            return stub.ListBudgets(request, timeout=TIMEOUT_S, metadata=self._metadata)

        return await self._ask_channels(ask)

    async def set_target(self, name: str, action: str) -> tuple[int, dict[str, str]]:
        """An operator's word on the breakers of a target, on every node: how many such targets were used where most
        are known, and which nodes did not hear it, and why."""
        request = node_pb2.SetTargetRequest(name=name, action=action)
        told, failed = await self._ask_all(
            lambda stub: stub.SetTarget(request, timeout=TIMEOUT_S, metadata=self._metadata)
        )
        return max((one.known for one in told.values()), default=0), failed

    async def explain(self, request: Any) -> tuple[str, Any]:
        """What the first node that answers would do with a request, and which node that is. Raises Refusal."""
        problem = "no node is registered"
        for node in await self.registered():
            try:
                stub = self._stub(node)
                return node.id, await stub.Explain(request, timeout=TIMEOUT_S, metadata=self._metadata)
            except (grpc.aio.AioRpcError, OSError) as error:
                problem = _said(error)
        raise Refusal(Fault.UNAVAILABLE, f"no node answers: {problem}")

    async def tail(self, most_per_second: int) -> AsyncIterator[tuple[str, bytes, int]]:
        """Finished requests of all nodes from now on: the node's id, the entry, how many were lost before it. Raises
        Refusal when it cannot be told which nodes there are."""
        await self.registered()
        queue: asyncio.Queue[tuple[str, bytes, int]] = asyncio.Queue(1000)
        request = node_pb2.TailRequest(most_per_second=most_per_second)

        async def follow(node: NodeRegistration) -> None:
            try:
                async for event in self._stub(node).Tail(request, metadata=self._metadata):
                    await queue.put((node.id, event.entry_json, event.lost))
            except (grpc.aio.AioRpcError, OSError) as error:
                _log.info("live requests of node %s ended: %s", node.id, _said(error))

        following: dict[str, asyncio.Task[None]] = {}

        async def follow_all() -> None:
            while True:
                try:
                    for node in await self.registered():
                        if node.id not in following or following[node.id].done():
                            following[node.id] = asyncio.create_task(follow(node))
                except Refusal as refusal:
                    _log.info("which nodes there are cannot be told: %s", refusal.text)
                await asyncio.sleep(FOLLOW_S)

        looking = asyncio.create_task(follow_all())
        try:
            while True:
                yield await queue.get()
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            for task in following.values():
                task.cancel()
            await asyncio.gather(*following.values(), return_exceptions=True)

    async def close(self) -> None:
        """Let go of all channels."""
        for channel in self._channels.values():
            await channel.close(None)

    async def _ask_all(self, question: Callable[[Any], Awaitable[Answer]]) -> tuple[dict[str, Answer], dict[str, str]]:
        return await self._ask_channels(lambda channel: question(node_pb2_grpc.NodeServiceStub(channel)))

    async def _ask_channels(
        self, question: Callable[[grpc.aio.Channel], Awaitable[Answer]]
    ) -> tuple[dict[str, Answer], dict[str, str]]:
        answers: dict[str, Answer] = {}
        failed: dict[str, str] = {}

        async def ask(node: NodeRegistration) -> None:
            try:
                answers[node.id] = await question(self._channel(node))
            except (grpc.aio.AioRpcError, OSError) as error:
                failed[node.id] = _said(error)

        nodes = await self.registered()
        await asyncio.gather(*(ask(node) for node in nodes))
        await self._forget({node.grpc_address for node in nodes})
        return answers, failed

    def _stub(self, node: NodeRegistration) -> Any:
        return node_pb2_grpc.NodeServiceStub(self._channel(node))

    def _channel(self, node: NodeRegistration) -> grpc.aio.Channel:
        address = node.grpc_address
        channel = self._channels.get(address)
        if channel is None:
            options = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", 64 << 20)]
            if self._ca_file:
                pair = (Path(file).read_bytes() if file else None for file in self._pair_files)
                credentials = grpc.ssl_channel_credentials(Path(self._ca_file).read_bytes(), *pair)
                channel = grpc.aio.secure_channel(address, credentials, options)
            else:
                channel = grpc.aio.insecure_channel(address, options)
            self._channels[address] = channel
        return channel

    async def _forget(self, living: set[str]) -> None:
        for address in set(self._channels) - living:
            await self._channels.pop(address).close(None)


def _said(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        if error.code() == grpc.StatusCode.UNAUTHENTICATED:
            return "it does not know this control plane's key: give both the same TOLLHOUSE_ADMIN_KEY"
        return f"{error.code().name.lower()}: {error.details()}"
    return str(error)
