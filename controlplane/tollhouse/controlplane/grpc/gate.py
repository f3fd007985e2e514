"""Who may call what: the key in the metadata ``x-api-key``, by role; health and reflection are open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from tollhouse.controlplane.access import Access
from tollhouse.controlplane.author import Author, author
from tollhouse.controlplane.grpc.convert import CODES
from tollhouse.controlplane.service.refusal import Refusal

GUARDED = "/tollhouse.admin.v1."
WRITES = frozenset(
    (
        *(f"{GUARDED}ConfigService/{method}" for method in ("Put", "Patch", "Delete", "Apply")),
        f"{GUARDED}HistoryService/Rollback",
        *(f"{GUARDED}SpendService/{method}" for method in ("Intake", "Reconcile")),
        f"{GUARDED}AuditService/Intake",
    )
)
"""Everything else only reads; an Apply that is a dry run is let through by the method itself."""


class Gate(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Refuses calls before their handler runs."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], details: grpc.HandlerCallDetails
    ) -> Any:
        """Part of grpc's interface."""
        handler = await continuation(details)
        if not details.method.startswith(GUARDED) or handler is None:
            return handler
        presented = next((value for key, value in details.invocation_metadata or () if key == "x-api-key"), None)
        try:
            key = self._access.check(
                presented if isinstance(presented, str) else None, reads_only=details.method not in WRITES
            )
        except Refusal as refusal:
            return _refusing(handler, refusal)
        author.set(Author(key.name, key.role, "grpc"))  # the handler runs in this task
        return handler


def _refusing(handler: Any, refusal: Refusal) -> Any:
    text = f"failed to check token: {refusal.text}; send the key in the metadata x-api-key"

    async def refuse(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        await context.abort(CODES[refusal.fault], text)

    if handler.request_streaming:

        async def refuse_stream(requests: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
            await context.abort(CODES[refusal.fault], text)

        return grpc.stream_stream_rpc_method_handler(refuse_stream)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(refuse)
    return grpc.unary_unary_rpc_method_handler(refuse)
