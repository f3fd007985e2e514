"""A check before each kind of call, told where it comes from."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tollhouse.proto.guarded_calls import address_of, guarded


class Health(health_pb2_grpc.HealthServicer):
    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        return health_pb2.HealthCheckResponse(status=1)

    async def Watch(self, request: Any, context: Any) -> Any:  # noqa: N802
        for status in (1, 2):
            yield health_pb2.HealthCheckResponse(status=status)


class Check(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    def __init__(self) -> None:
        self.seen: list[str] = []

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        async def enter(request: Any, context: Any) -> None:
            self.seen.append(address_of(context.peer()))
            if request.service == "closed":
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")

        return guarded(await continuation(details), enter)


async def test_unary_and_streaming_calls_are_checked_first() -> None:
    """And go through unchanged when the check lets them."""
    check = Check()
    server = grpc.aio.server(interceptors=(check,))
    health_pb2_grpc.add_HealthServicer_to_server(Health(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        assert (await stub.Check(health_pb2.HealthCheckRequest())).status == 1
        assert [one.status async for one in stub.Watch(health_pb2.HealthCheckRequest())] == [1, 2]
        closed = health_pb2.HealthCheckRequest(service="closed")
        with pytest.raises(grpc.aio.AioRpcError, match="PERMISSION_DENIED"):
            await stub.Check(closed)
        with pytest.raises(grpc.aio.AioRpcError, match="PERMISSION_DENIED"):
            await anext(aiter(stub.Watch(closed)))
    await server.stop(None)
    assert check.seen == ["127.0.0.1"] * 4


def test_addresses() -> None:
    """Of all kinds of peers."""
    assert address_of("ipv4:192.0.2.1:80") == "192.0.2.1"
    assert address_of("ipv6:%5B2001:db8::1%5D:80") == "2001:db8::1"
    assert address_of("unix:/run/x") == "unix:/run/x"
