"""Who may call a node's gRPC port: who shows the admin key or an identity's, and has not guessed too often."""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from tollhouse.dataplane.runtime.node.callers import Callers, refusal
from tollhouse.proto.guarded_calls import address_of, guarded
from tollhouse.proto.guessing import Guesses

log = logging.getLogger("tollhouse.node_api")

OPEN_SERVICES = ("/grpc.health.v1.Health/",)
"""Callable without a token: probes have none."""

if TYPE_CHECKING:
    _Interceptor = grpc.aio.ServerInterceptor[Any, Any]
else:
    _Interceptor = grpc.aio.ServerInterceptor


class TokenCheck(_Interceptor):
    """Lets calls through that carry, as ``x-api-key``, the admin key or a key of an identity that may do this."""

    def __init__(self, key: str, callers: Callers) -> None:
        self._key = key.encode()
        self._callers = callers
        self._guesses = Guesses()

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], details: Any) -> Any:
        """Refuse before anything of the request is looked at."""
        handler = await continuation(details)
        if handler is None or details.method.startswith(OPEN_SERVICES):
            return handler
        shown = dict(details.invocation_metadata or ()).get("x-api-key", "")
        token = shown.encode() if isinstance(shown, str) else shown

        async def enter(_: Any, context: Any) -> None:
            await self._check(token, details.method, context)

        return guarded(handler, enter)

    async def _check(self, token: bytes, method: str, context: Any) -> None:
        address, now = address_of(context.peer()), time.monotonic()
        text, mark = token.decode("utf-8", "replace"), hashlib.sha256(token).hexdigest()
        wait_s = self._guesses.wait_s(address, text, mark, now) if self._guesses.any else 0.0
        if wait_s > 0:
            told = f"too many wrong keys were tried; wait {wait_s:.0f} seconds"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, told)
        if hmac.compare_digest(token, self._key):
            self._guesses.right(mark)
            return
        caller = self._callers.find(mark) if token else None
        if caller is not None:
            self._guesses.right(mark)
            reason = refusal(caller, method)
            if reason:
                log.warning("a call was refused: %s", reason, extra={"method": method, "client": address})
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, reason)
            return
        if token:
            self._guesses.wrong(address, text, mark, now)
            log.warning("a wrong key was presented", extra={"method": method, "client": address})
        await context.abort(
            grpc.StatusCode.UNAUTHENTICATED,
            "give a key in the metadata x-api-key: the admin key, or an identity's; nodes take no bearer tokens",
        )
