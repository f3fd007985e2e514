"""Who may call what: the key in the metadata ``x-api-key`` (or a bearer token in ``authorization``); health and
reflection are open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from tollhouse.controlplane.access import Access
from tollhouse.controlplane.api.areas import check_spend
from tollhouse.controlplane.audit.refusals import Refusals
from tollhouse.controlplane.author import Author, author, permit
from tollhouse.controlplane.grpc.convert import CODES
from tollhouse.controlplane.permissions import ANYTHING, USAGE, Verb
from tollhouse.controlplane.service.refusal import Fault, Refusal
from tollhouse.proto.guarded_calls import address_of, guarded

GUARDED = "/tollhouse.admin.v1."
WRITES = frozenset(
    (
        *(f"{GUARDED}ConfigService/{method}" for method in ("Put", "Patch", "Delete", "Apply", "Reseal")),
        f"{GUARDED}HistoryService/Rollback",
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


_REFUSED = (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)


class Gate(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Refuses calls before their handler runs."""

    def __init__(self, access: Access, refusals: Refusals) -> None:
        self._access = access
        self._refusals = refusals

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], details: grpc.HandlerCallDetails
    ) -> Any:
        """Part of grpc's interface. The check runs with the handler, which alone is told where the call comes from."""
        handler = await continuation(details)
        if not details.method.startswith(GUARDED) or handler is None:
            return handler
        told = {key: value for key, value in details.invocation_metadata or () if isinstance(value, str)}

        async def enter(request: Any, context: Any) -> None:
            address = address_of(context.peer())
            author.set(Author("unknown", "", "grpc", address))
            try:
                key = await self._access.identify(told.get("x-api-key"), told.get("authorization"), address)
                author.set(Author(key.name, key.role, "grpc", address))
                key.permit.require(*_needed(details.method))
                permit.set(key.permit)
                if details.method.startswith(OF_ALL_GROUPS):
                    check_spend(dict(getattr(request, "filter", {})).get("group", ""))
            except Refusal as refusal:
                await context.abort(CODES[refusal.fault], _text(refusal))

        def leave(context: Any) -> None:
            missing = str(context.details() or "").startswith("failed to check token: missing")
            if context.code() in _REFUSED and not missing:
                self._refusals.note(author.get(), details.method, str(context.details()))

        return guarded(handler, enter, leave)


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
