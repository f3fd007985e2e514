"""Traffic does not go to the gateway's own parts."""

from __future__ import annotations

import asyncio
import socket

import pytest
import uvloop
from tollhouse.dataplane.runtime.guarded_loop import GuardedLoop
from tollhouse.dataplane.runtime.own_places import OwnPlaces, places_of
from tollhouse.dataplane.settings import Settings


def test_every_part_with_an_address_is_known() -> None:
    """In whatever form it was told; etcd only where it is used."""
    told = Settings(
        etcd=("https://etcd.internal:2379", "10.0.0.5:2379", "[::1]:2379"),
        control_listen="0.0.0.0:9090",
        grpc_listen="",
        control_plane="control.internal:9181",
        budget_store="redis://:secret@redis.internal:6380/0",
    )
    assert places_of(told) == [
        ("0.0.0.0", 9090),
        ("control.internal", 9181),
        ("etcd.internal", 2379),
        ("10.0.0.5", 2379),
        ("::1", 2379),
        ("redis.internal", 6380),
    ]
    assert ("127.0.0.1", 2379) not in places_of(Settings(config=("a.yaml",)))
    assert ("other", 9092) in places_of(Settings(budget_store="node://other:9092"))


@pytest.mark.parametrize(
    ("address", "port", "own"),
    [
        ("127.0.0.1", 2379, True),
        ("127.9.9.9", 2379, True),
        ("::1", 2379, True),
        ("::ffff:127.0.0.1", 2379, True),
        ("0.0.0.0", 2379, True),
        ("127.0.0.1", 11434, False),
        ("192.0.2.7", 2379, False),
        ("192.0.2.7", 6380, True),
        ("127.0.0.1", 6380, False),
    ],
)
async def test_whatever_it_is_called(address: str, port: int, own: bool) -> None:
    """Loopback is loopback; names are resolved; local models on other ports stay reachable."""

    async def resolve(host: str, port: int) -> list[str]:
        assert host == "redis.internal"
        return ["192.0.2.7"]

    places = OwnPlaces([("localhost", 2379), ("redis.internal", 6380)], resolve)
    assert await places.have(address, port) is own


@pytest.mark.parametrize("excepted", [False, True])
def test_no_client_of_a_worker_reaches_them(monkeypatch: pytest.MonkeyPatch, excepted: bool) -> None:
    """By any name, unless the operator says so."""
    if excepted:
        monkeypatch.setenv("TOLLHOUSE_REACHABLE", "127.0.0.1/32")

    async def connect() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, GuardedLoop)
        loop.keep_from([("127.0.0.1", port)])
        for host in ("127.0.0.1", "localhost", "::ffff:127.0.0.1"):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if excepted:
            uvloop.run(connect(), loop_factory=GuardedLoop)
        else:
            with pytest.raises(PermissionError, match="a part of the gateway itself"):
                uvloop.run(connect(), loop_factory=GuardedLoop)
