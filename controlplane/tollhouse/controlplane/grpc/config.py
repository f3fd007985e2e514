"""ConfigService: the configuration over gRPC."""

from __future__ import annotations

import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

import grpc
import grpc.aio
from tollhouse.controlplane.grpc import convert
from tollhouse.controlplane.service.decoding import BrokenBody, decode_json
from tollhouse.controlplane.service.listing import Query, check_paging
from tollhouse.controlplane.service.refusal import Refusal, invalid
from tollhouse.controlplane.service.service import Service, Source
from tollhouse.proto.admin.v1 import config_pb2 as pb
from tollhouse.proto.admin.v1 import config_pb2_grpc

_log = logging.getLogger("tollhouse.controlplane.grpc")

Answer = TypeVar("Answer")
LONGEST_WAIT_S = 300.0

Context = Any
Method = Callable[[Any, Any, Context], Awaitable[Answer]]


async def fail(context: Context, error: BaseException) -> None:
    """End a call with the code and text of an error."""
    if isinstance(error, Refusal):
        await context.abort(convert.CODES[error.fault], error.text)
    if isinstance(error, BrokenBody):
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"invalid request body: {error.reason}")
    _log.error("a call failed", exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, "internal error; the control plane's log says more")


def answered(method: Method[Answer]) -> Method[Answer]:
    """Turns what a method raises into the status of the call."""

    @functools.wraps(method)
    async def call(self: Any, request: Any, context: Context) -> Answer:
        try:
            return await method(self, request, context)
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            await fail(context, error)
            raise

    return call


class ConfigService(config_pb2_grpc.ConfigServiceServicer):
    """Serves the configuration; the rules are the service layer's."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @answered
    async def Get(self, request: pb.GetRequest, context: Context) -> pb.Object:  # noqa: N802
        """One object, its secrets masked."""
        return convert.object_message(await self._service.get(request.kind, request.id))

    @answered
    async def List(self, request: pb.ListRequest, context: Context) -> pb.ListResponse:  # noqa: N802
        """Objects of a kind, filtered and paged as in REST."""
        page, page_size = 0, 0
        if request.page or request.page_size:
            page, page_size = max(request.page, 1), request.page_size
            check_paging(page_size)
        query = Query(page, page_size, request.name, request.uri, request.label, dict(request.filter))
        listing = await self._service.list(request.kind, query, parent=request.parent_id)
        objects = [convert.object_message(item) for item in listing.objects]
        return pb.ListResponse(objects=objects, total=listing.total, revision=listing.revision)

    @answered
    async def Put(self, request: pb.PutRequest, context: Context) -> pb.WriteResponse:  # noqa: N802
        """Create or replace; without an id, create under a new one."""
        value = decode_json(request.value_json)
        if not request.id and "POST" in self._service.verbs(request.kind) and not _has_id(value):
            written = await self._service.post(request.kind, "", value, ttl_s=_ttl(request.ttl_s))
        else:
            written = await self._service.put(
                request.kind, request.id, value, if_mod_revision=request.if_mod_revision, ttl_s=_ttl(request.ttl_s)
            )
        return convert.written_message(written)

    @answered
    async def Patch(self, request: pb.PatchRequest, context: Context) -> pb.WriteResponse:  # noqa: N802
        """Merge a change, or replace what ``sub_path`` names."""
        written = await self._service.patch(
            request.kind,
            request.id,
            decode_json(request.value_json),
            request.sub_path,
            if_mod_revision=request.if_mod_revision,
            ttl_s=_ttl(request.ttl_s),
        )
        return convert.written_message(written)

    @answered
    async def Delete(self, request: pb.DeleteRequest, context: Context) -> pb.DeleteResponse:  # noqa: N802
        """Delete an object nothing refers to (or any, forced)."""
        deleted = await self._service.delete(
            request.kind, request.id, force=request.force, if_mod_revision=request.if_mod_revision
        )
        return pb.DeleteResponse(key=deleted.key, deleted=deleted.count, revision=deleted.revision)

    @answered
    async def Apply(self, request: pb.ApplyRequest, context: Context) -> pb.ApplyResponse:  # noqa: N802
        """A set of documents, all or nothing."""
        applied = await self._service.apply(
            _sources(request.documents),
            dry_run=request.dry_run,
            prune=request.prune,
            if_revision=request.if_revision,
        )
        return convert.applied_message(applied)

    @answered
    async def Validate(self, request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:  # noqa: N802
        """What Apply checks, writing nothing."""
        problems = await self._service.validate(_sources(request.documents))
        return pb.ValidateResponse(problems=[convert.problem_message(problem) for problem in problems])

    @answered
    async def Reseal(self, request: pb.ResealRequest, context: Context) -> pb.ResealResponse:  # noqa: N802
        """Seal anew what was sealed with an older key."""
        done = await self._service.resealer.run(dry_run=request.dry_run)
        return pb.ResealResponse(
            changed=done.changed, unreadable=done.unreadable, moved=done.moved, revision=done.revision
        )

    async def Watch(  # noqa: N802
        self, request: pb.WatchRequest, context: Context
    ) -> AsyncIterator[pb.WatchEvent]:
        """Changes from a revision on, for as long as the client listens."""
        try:
            async with aclosing(self._service.watch(tuple(request.kinds), request.from_revision)) as events:
                async for event in events:
                    yield convert.event_message(event)
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            await fail(context, error)

    @answered
    async def WaitLive(self, request: pb.WaitLiveRequest, context: Context) -> pb.WaitLiveResponse:  # noqa: N802
        """Wait until every live node has applied a revision."""
        if request.timeout_ms < 0 or request.timeout_ms > LONGEST_WAIT_S * 1000:
            raise invalid(f"timeout_ms: expected 0 to {LONGEST_WAIT_S * 1000:.0f}, came {request.timeout_ms}")
        liveness = await self._service.fleet.wait_live(request.revision, request.timeout_ms / 1000)
        nodes = [convert.node_message(node) for node in liveness.nodes]
        return pb.WaitLiveResponse(live=liveness.live, nodes=nodes, laggards=liveness.laggards)


class FleetService(config_pb2_grpc.FleetServiceServicer):
    """Serves the list of nodes."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @answered
    async def ListNodes(self, request: pb.ListNodesRequest, context: Context) -> pb.ListNodesResponse:  # noqa: N802
        """All live nodes, and the newest revision of the configuration."""
        nodes = [convert.node_message(node) for node in await self._service.fleet.nodes()]
        return pb.ListNodesResponse(nodes=nodes, revision=await self._service.newest_revision())


def _has_id(value: Any) -> bool:
    return isinstance(value, dict) and value.get("id") is not None


def _ttl(ttl_s: int) -> int:
    if ttl_s < 0:
        raise invalid(f"ttl_s: expected 0 or more seconds, came {ttl_s}")
    return ttl_s


def _sources(documents: Any) -> list[Source]:
    return [Source(document.name, document.content) for document in documents]
