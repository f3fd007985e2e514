"""Who may call what: the key in the metadata ``x-api-key`` (or a bearer token in ``authorization``); health and
reflection are open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from tollhouse.controlplane.access import Access
from tollhouse.controlplane.api.areas import check_spend
from tollhouse.controlplane.author import Author, author, permit
from tollhouse.controlplane.grpc.convert import CODES
from tollhouse.controlplane.permissions import ANYTHING, USAGE, Verb
from tollhouse.controlplane.service.refusal import Fault, Refusal

GUARDED = "/tollhouse.admin.v1."
WRITES = frozenset(
    (
        *(f"{GUARDED}ConfigService/{method}" for method in ("Put", "Patch", "Delete", "Apply", "Reseal")),
        f"{GUARDED}HistoryService/Rollback",
        *(f"{GUARDED}ApprovalService/{method}" for method in ("Open", "Approve", "Deny", "Revoke")),
        *(f"{GUARDED}SpendService/{method}" for method in ("Intake", "Reconcile")),
        *(f"{GUARDED}ApprovalService/{method}" for method in ("Open", "Approve", "Deny", "Revoke")),
        f"{GUARDED}AuditService/Intake",
    )
)
"""Everything else only reads; an Apply that is a dry run is let through by the method itself."""

BROUGHT = frozenset(
    f"{GUARDED}{method}"
    for method in ("SpendService/Intake", "SpendService/Counts", "AuditService/Intake", "ApprovalService/Open")
)
"""What nodes call."""
AREAS = {"SpendService": "spend", "AuditService": "audit", "ApprovalService": "approvals", "FleetService": "nodes"}
"""Services that are about one thing; of the others, the objects are looked at one by one."""
OF_ALL_GROUPS = tuple(f"{GUARDED}{service}/" for service in ("SpendService", "AuditService"))
"""Services whose answers tell of every consumer group."""


class Gate(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Refuses calls before their handler runs."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], details: grpc.HandlerCallDetails
    ) -> Any:
        """Part of grpc's interface. The check runs with the handler, which alone is told where the call comes from."""
        handler = await continuation(details)
        if not details.method.startswith(GUARDED) or handler is None:
            return handler
        told = {key: value for key, value in details.invocation_metadata or () if isinstance(value, str)}

        async def enter(request: Any, context: Any) -> None:
            address = _address(context.peer())
            try:
                key = await self._access.identify(told.get("x-api-key"), told.get("authorization"), address)
                key.permit.require(*_needed(details.method))
                permit.set(key.permit)
                if details.method.startswith(OF_ALL_GROUPS):
                    check_spend(dict(getattr(request, "filter", {})).get("group", ""))
            except Refusal as refusal:
                await context.abort(CODES[refusal.fault], _text(refusal))
            author.set(Author(key.name, key.role, "grpc", address))

        return _guarded(handler, enter)


def _needed(method: str) -> tuple[Verb, str]:
    if method in BROUGHT:
        return "write", USAGE
    if method.endswith("ConfigService/Delete"):
        return "delete", ANYTHING
    service = method.removeprefix(GUARDED).partition("/")[0]
    return "write" if method in WRITES else "read", AREAS.get(service, ANYTHING)


def _text(refusal: Refusal) -> str:
    if refusal.fault in (Fault.UNAUTHENTICATED, Fault.FORBIDDEN):
        return f"failed to check token: {refusal.text}; send the key in the metadata x-api-key"
    return refusal.text


def _address(peer: str) -> str:
    """``ipv4:127.0.0.1:4711`` and ``ipv6:%5B::1%5D:4711`` as addresses."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return peer
    return rest.rpartition(":")[0].removeprefix("%5B").removesuffix("%5D").strip("[]")


def _guarded(handler: Any, enter: Callable[[Any, Any], Awaitable[None]]) -> Any:
    """The handler, after the check."""
    inner = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream

    async def call(request: Any, context: Any) -> Any:
        await enter(request, context)
        return await inner(request, context)

    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        await enter(request, context)
        async for piece in inner(request, context):
            yield piece

    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }[handler.request_streaming, handler.response_streaming]
    behaviour = stream if handler.response_streaming else call
    return make(behaviour, handler.request_deserializer, handler.response_serializer)
