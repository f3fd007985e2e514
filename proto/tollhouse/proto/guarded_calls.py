"""gRPC calls with a check before them that knows where they come from: what an interceptor alone is not told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import grpc

Enter = Callable[[Any, Any], Awaitable[None]]
"""Given request (or the iterator of requests) and context, before the handler; ends the call with ``context.abort``."""


def guarded(handler: Any, enter: Enter, leave: Callable[[Any], None] = lambda context: None) -> Any:
    """The handler, after the check; ``leave`` is called with the context when the call is over, however it ended."""
    inner = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream

    async def call(request: Any, context: Any) -> Any:
        try:
            await enter(request, context)
            return await inner(request, context)
        finally:
            leave(context)

    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            await enter(request, context)
            async with aclosing(inner(request, context)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            leave(context)

    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }[handler.request_streaming, handler.response_streaming]
    behaviour = stream if handler.response_streaming else call
    return make(behaviour, handler.request_deserializer, handler.response_serializer)


def address_of(peer: str) -> str:
    """``ipv4:127.0.0.1:4711`` and ``ipv6:%5B::1%5D:4711`` as addresses."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return peer
    return rest.rpartition(":")[0].removeprefix("%5B").removesuffix("%5D").strip("[]")
