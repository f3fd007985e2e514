"""How connections are shared, bounded and given up."""

from __future__ import annotations

import asyncio
import socket

import pytest
from tollhouse.dataplane.runtime.upstream.aiohttp_transport import AiohttpTransport
from tollhouse.dataplane.runtime.upstream.pool import PoolSettings
from tollhouse.dataplane.runtime.upstream.transport import LeanTransport
from tollhouse.dataplane.transport import Origin, Timeouts, TransportError, UpstreamRequest

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


@pytest.fixture
async def bounded():
    transports = []

    def make(**settings):
        transports.append(LeanTransport(PoolSettings(**settings)))
        return transports[-1]

    yield make
    for transport in transports:
        await transport.close()


@pytest.fixture(
    params=[
        lambda bound: LeanTransport(PoolSettings(max_connections=bound)),
        lambda bound: AiohttpTransport(max_connections=bound),
    ],
    ids=["lean", "aiohttp"],
)
async def of_size(request):
    """Makes either transport with a bound of connections."""
    transports = []

    def make(bound):
        transports.append(request.param(bound))
        return transports[-1]

    yield make
    for transport in transports:
        await transport.close()


async def test_requests_beyond_the_bound_wait_for_a_connection(of_size, raw_server, ask):
    transport = of_size(1)
    server = await raw_server.answer(OK, OK, OK)

    async def one():
        return await (await transport.send(ask(server))).read(10)

    assert await asyncio.gather(one(), one(), one()) == [b"hello"] * 3
    assert server.connections == 1


async def test_who_waits_too_long_for_a_connection_is_told_so(of_size, raw_server, ask):
    transport = of_size(1)
    server = await raw_server.answer(OK[:-1], OK)
    held = await transport.send(ask(server))
    with pytest.raises(TransportError) as caught:
        await transport.send(ask(server, connect_s=0.05))
    assert caught.value.phase == ("pool" if isinstance(transport, LeanTransport) else "connect")
    assert not caught.value.request_sent
    held.close()


async def test_a_closed_connection_makes_room_for_who_waits(of_size, raw_server, ask):
    transport = of_size(1)
    server = await raw_server.answer(OK[:-1], OK)
    held = await transport.send(ask(server))
    waiting = asyncio.create_task(transport.send(ask(server)))
    await asyncio.sleep(0.02)
    held.close()
    assert await (await waiting).read(10) == b"hello"


async def test_room_made_for_one_who_has_just_left_goes_to_the_next(bounded, raw_server, ask):
    transport = bounded(max_connections=1)
    server = await raw_server.answer(OK[:-1], OK)
    held = await transport.send(ask(server))
    leaving = asyncio.create_task(transport.send(ask(server)))
    staying = asyncio.create_task(transport.send(ask(server, connect_s=3)))
    await asyncio.sleep(0.02)
    (pool,) = transport._pools.values()
    lost = pool.lost

    class Owner:
        def lost(self, connection):
            lost(connection)
            leaving.cancel()  # in the very moment it was woken

    held._connection._owner = Owner()
    held.close()
    assert await (await asyncio.wait_for(staying, 1)).read(10) == b"hello"
    assert leaving.cancelled()


async def test_the_connection_of_a_repeated_request_stays_known(bounded, raw_server, ask):
    transport = bounded()

    async def script(reader, writer):
        await raw_server.read_request(reader)
        writer.write(OK)
        await raw_server.read_request(reader)
        if raw_server.connections == 1:
            return
        writer.write(OK)
        await reader.read()

    server = await raw_server.run(script)
    for _ in range(3):  # the second is lost with its connection and sent once more
        assert await (await transport.send(ask(server, "GET", b""))).read(10) == b"hello"
    assert server.connections == 2
    assert list(transport.census().values()) == [(1, 1)]


async def test_an_idle_connection_is_closed_after_its_time(bounded, raw_server, ask):
    transport = bounded(idle_s=0.05)
    server = await raw_server.answer(OK)
    await (await transport.send(ask(server))).read(10)
    assert list(transport.census().values()) == [(1, 1)]
    await asyncio.wait_for(server.closed_by_client.wait(), 2)
    await asyncio.sleep(0.01)
    assert transport.census() == {}


async def test_a_connection_past_its_lifetime_is_not_used_again(bounded, raw_server, ask):
    transport = bounded(lifetime_s=0.0)
    server = await raw_server.answer(OK, OK)
    for _ in range(2):
        await (await transport.send(ask(server))).read(10)
    assert server.connections == 2


async def test_closing_the_transport_fails_what_is_in_flight(bounded, raw_server, ask):
    transport = bounded()
    server = await raw_server.answer()
    task = asyncio.create_task(transport.send(ask(server)))
    await asyncio.sleep(0.02)
    await transport.close()
    with pytest.raises(TransportError):
        await task
    with pytest.raises(TransportError) as caught:
        await transport.send(ask(server))
    assert not caught.value.request_sent


async def test_who_waits_for_a_connection_is_not_served_after_closing(bounded, raw_server, ask):
    transport = bounded(max_connections=1)
    server = await raw_server.answer(OK[:-1], OK)
    await transport.send(ask(server))
    waiting = asyncio.create_task(transport.send(ask(server)))
    await asyncio.sleep(0.02)
    await transport.close()
    with pytest.raises(TransportError) as caught:
        await waiting
    assert caught.value.phase == "closed"
    assert not caught.value.request_sent
    assert server.connections == 1


async def test_a_hundred_at_once_all_get_their_own_answer(of_size, raw_server, ask):
    async def script(reader, writer):
        while request := await raw_server.read_request(reader):
            body = request.partition(b"\r\n\r\n")[2]
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    transport = of_size(8)
    server = await raw_server.run(script)

    async def one(number):
        return await (await transport.send(ask(server, body=b"%d" % number))).read(10)

    assert await asyncio.gather(*map(one, range(100))) == [b"%d" % number for number in range(100)]
    assert server.connections <= 8


@pytest.fixture
def listener():
    """A server's socket in the test's own hands: what is sent through it is there at once, the loop knows it later."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(False)
        yield made


def at(listener):
    """A request to it."""
    origin = Origin("http", "127.0.0.1", listener.getsockname()[1])
    return UpstreamRequest("POST", origin, "/", (), b"{}", Timeouts())


async def test_an_answer_nobody_asked_for_is_not_taken_for_the_next_ones(bounded, listener):
    """It came after the first was whole, and may be another agent's."""
    loop, transport = asyncio.get_running_loop(), bounded()
    first = asyncio.create_task(transport.send(at(listener)))
    (connection, _) = await loop.sock_accept(listener)
    with connection:
        await loop.sock_recv(connection, 1000)
        await loop.sock_sendall(connection, OK)
        assert await (await first).read(10) == b"hello"
        connection.send(OK.replace(b"hello", b"evil!"))
        second = asyncio.create_task(transport.send(at(listener)))
        (other, _) = await asyncio.wait_for(loop.sock_accept(listener), 2)
        with other:
            await loop.sock_recv(other, 1000)
            await loop.sock_sendall(other, OK)
            assert await (await second).read(10) == b"hello"


async def test_a_server_that_speaks_before_it_is_asked_is_refused(bounded, listener):
    """Nothing was sent to it."""
    loop, transport = asyncio.get_running_loop(), bounded()
    open_one = transport._open

    async def spoken_on(origin, pool):
        connection = await open_one(origin, pool)
        accepted.append((await loop.sock_accept(listener))[0])
        accepted[0].send(OK)
        return connection

    accepted = []
    transport._open = spoken_on
    with pytest.raises(TransportError, match="spoke on it, before it was asked") as caught:
        await transport.send(at(listener))
    assert not caught.value.request_sent
    accepted[0].close()
