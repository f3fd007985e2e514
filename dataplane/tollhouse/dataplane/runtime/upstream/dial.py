"""Opens a connection: several addresses, staggered, the first that answers wins (RFC 8305 in small)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence

from tollhouse.dataplane.runtime.upstream.connection import Connection
from tollhouse.dataplane.runtime.upstream.tls import SessionContext, server_name
from tollhouse.dataplane.runtime.upstream.vanishing import watch
from tollhouse.dataplane.transport import Origin, TransportError

STAGGER_S = 0.25
"""How long one address may be silent before the next is tried beside it."""

ConnectionFactory = Callable[[], Connection]


async def dial(
    origin: Origin, addresses: Sequence[str], context: SessionContext | None, factory: ConnectionFactory
) -> Connection:
    """A connection to the first address that answers. Raises TransportError; the caller bounds the time."""
    if len(addresses) == 1:
        return await _connect(origin, addresses[0], context, factory)
    waiting = list(addresses)
    running: set[asyncio.Task[Connection]] = set()
    failure: TransportError | None = None
    try:
        while waiting or running:
            if waiting:
                address = waiting.pop(0)
                running.add(asyncio.create_task(_connect(origin, address, context, factory)))
            done, running = await asyncio.wait(
                running, timeout=STAGGER_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            winner: Connection | None = None
            for task in done:
                error = task.exception()
                if error is None and winner is None:
                    winner = task.result()
                elif error is None:
                    task.result().abandon()
                elif isinstance(error, TransportError):
                    failure = error
                else:
                    raise error
            if winner is not None:
                return winner
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_discard)
    assert failure is not None
    raise failure


def _discard(task: asyncio.Task[Connection]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().abandon()


async def _connect(
    origin: Origin, address: str, context: SessionContext | None, factory: ConnectionFactory
) -> Connection:
    loop = asyncio.get_running_loop()
    name = server_name(origin) if context is not None else None
    try:
        _, connection = await loop.create_connection(factory, address, origin.port, ssl=context, server_hostname=name)
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message or error.reason
        raise TransportError("tls", f"The certificate of {name} is not trusted: {reason}.") from error
    except ssl.SSLError as error:
        raise TransportError("tls", f"TLS with {origin.host}:{origin.port} failed: {error.reason}.") from error
    except (ConnectionResetError, ConnectionAbortedError, BrokenPipeError) as error:
        text = f"{origin.host}:{origin.port} closed the connection while it was being set up."
        raise TransportError("connect" if context is None else "tls", text) from error
    except OSError as error:
        text = f"No connection to {origin.host}:{origin.port} ({address}): {error.strerror or error}."
        raise TransportError("connect", text) from error
    watch(connection.transport)
    return connection
