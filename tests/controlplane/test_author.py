"""Each request has an author of its own."""

from __future__ import annotations

import asyncio

from tests.controlplane.plane import ROUTE, Plane


async def test_writes_at_the_same_time_do_not_mix_up_their_authors(plane: Plane) -> None:
    """The face each came through is told with the object it wrote."""
    from tollhouse.proto.admin.v1 import config_pb2

    from tests.controlplane.plane import METADATA

    async def over_grpc(number: int) -> None:
        request = config_pb2.PutRequest(kind="routes", id=f"g{number}", value_json=b'{"uri": "/g", "service_id": "s"}')
        await plane.config.Put(request, metadata=METADATA)

    await plane.call("PUT", "services/s", {"upstream": ROUTE["upstream"]})
    rest = [plane.call("PUT", f"routes/r{number}", ROUTE) for number in range(5)]
    await asyncio.gather(*rest, *(over_grpc(number) for number in range(5)))
    for write in (await plane.call("GET", "history?kind=routes")).body["list"]:
        assert write["via"] == ("grpc" if write["changes"][0]["id"].startswith("g") else "rest")
