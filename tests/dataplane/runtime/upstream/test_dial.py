"""Several addresses: the first that answers wins."""

from __future__ import annotations

import asyncio
import socket

import pytest
from tollhouse.dataplane.runtime.upstream.aiohttp_transport import AiohttpTransport
from tollhouse.dataplane.runtime.upstream.resolver import Resolver
from tollhouse.dataplane.runtime.upstream.transport import LeanTransport
from tollhouse.dataplane.transport import Origin, Timeouts, TransportError, UpstreamRequest

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


class Fixed(Resolver):
    """Resolves every name to the same addresses."""

    def __init__(self, *addresses: str) -> None:
        super().__init__()
        self.addresses = addresses

    async def resolve(self, host: str, port: int) -> tuple[str, ...]:
        return self.addresses


def request(port: int, **timeouts: float) -> UpstreamRequest:
    return UpstreamRequest("GET", Origin("http", "several.test", port), "/", (), b"", Timeouts(**timeouts))


pytestmark = pytest.mark.parametrize("transport_class", [LeanTransport, AiohttpTransport])


async def test_a_dead_address_is_passed_over(raw_server, transport_class):
    server = await raw_server.answer(OK)
    transport = transport_class(resolver=Fixed("127.0.0.9", "::1", "127.0.0.1"))
    assert await (await transport.send(request(server.origin.port))).read(10) == b"hello"
    await transport.close()


async def test_a_silent_address_does_not_hold_up_the_next(raw_server, transport_class):
    server = await raw_server.answer(OK)
    with socket.socket() as silent:  # a full backlog: connecting neither succeeds nor fails
        silent.bind(("127.0.0.8", server.origin.port))
        silent.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.8", server.origin.port))
        await asyncio.sleep(0.02)
        transport = transport_class(resolver=Fixed("127.0.0.8", "127.0.0.1"))
        assert await (await transport.send(request(server.origin.port))).read(10) == b"hello"
        await transport.close()
        for filler in fillers:
            filler.close()


async def test_when_no_address_answers_the_failure_names_one(transport_class):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    transport = transport_class(resolver=Fixed("127.0.0.1", "::1"))
    with pytest.raises(TransportError) as caught:
        await transport.send(request(port))
    assert caught.value.phase == "connect"
    assert "several.test" in caught.value.message
    await transport.close()


@pytest.mark.parametrize("host", ["169.254.169.254", "metadata.test"])
async def test_no_address_of_a_clouds_metadata_is_connected_to(transport_class, host):
    class Names(Resolver):
        async def lookup(self, host: str, port: int) -> list[str]:
            return ["169.254.169.254"]

    transport = transport_class(resolver=Names())
    with pytest.raises(TransportError) as caught:
        await transport.send(UpstreamRequest("GET", Origin("http", host, 80), "/", (), b"", Timeouts(connect_s=1)))
    assert caught.value.phase == "dns"
    assert not caught.value.request_sent
    await transport.close()
