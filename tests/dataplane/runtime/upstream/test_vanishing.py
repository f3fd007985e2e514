"""The kernel watches over upstream connections."""

from __future__ import annotations

import asyncio
import socket

import pytest
from tollhouse.dataplane.runtime.upstream.connection import Connection
from tollhouse.dataplane.runtime.upstream.dial import dial
from tollhouse.dataplane.runtime.upstream.vanishing import AGAIN_S, FIRST_S, GIVEN_UP_S, watch
from tollhouse.dataplane.transport import Origin


class Nobody:
    """An owner who wants to know nothing."""

    def released(self, connection: Connection) -> None:
        return None

    def lost(self, connection: Connection) -> None:
        return None


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system has no such option")
async def test_a_dialled_connection_is_given_up_when_its_peer_is_gone() -> None:
    """Twenty seconds after its machine, or the way to it, vanished without a word, whatever the time to wait for an
    answer."""
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    origin = Origin("http", "127.0.0.1", port)
    made = await dial(origin, ["127.0.0.1"], None, lambda: Connection(Nobody(), loop, lifetime_s=60, idle_limit_s=60))
    assert made.transport is not None
    sock = made.transport.get_extra_info("socket")
    read = {name: sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in NAMES}
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert read == {"TCP_KEEPIDLE": FIRST_S, "TCP_KEEPINTVL": AGAIN_S, "TCP_USER_TIMEOUT": GIVEN_UP_S * 1000}
    made.abandon()
    server.close()


NAMES = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_USER_TIMEOUT")


def test_what_is_no_tcp_is_left_alone() -> None:
    """Unix sockets and closed transports."""
    watch(None)
    ours, theirs = socket.socketpair()
    with ours, theirs:

        class Pipe(asyncio.BaseTransport):
            def get_extra_info(self, name: str, default: object = None) -> object:
                return ours

        watch(Pipe())
        assert not ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
