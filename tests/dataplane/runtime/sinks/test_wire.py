"""A wire notices that nobody listens any more; the rest is tested with a server in plugins/test_syslog.py."""

import asyncio

import pytest
from tollhouse.dataplane.runtime.sinks.wire import dial
from tollhouse.dataplane.services import WireTarget


async def test_a_closed_connection_is_noticed_before_more_is_sent():
    """Otherwise the first entries after a restart would be lost in silence."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    wire = await dial(WireTarget("127.0.0.1", server.sockets[0].getsockname()[1]))
    await asyncio.sleep(0.1)
    with pytest.raises(ConnectionError):
        await wire.send(b"x")
    wire.close()
    server.close()


async def test_nobody_there_is_an_error():
    """Not a silence."""
    with pytest.raises(OSError):
        await dial(WireTarget("127.0.0.1", 1, "tcp", 1.0))
