"""Takes one exchange through the current configuration: match, stages, dispatch, reply; then settle and record."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from tollhouse.dataplane.config.objects import Batch
from tollhouse.dataplane.config.snapshot import Snapshot
from tollhouse.dataplane.config.snapshot_builder import SnapshotBuilder
from tollhouse.dataplane.dispatch.choosing.targets import states_of
from tollhouse.dataplane.errors import GatewayError, GatewayFault
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.model_lists import list_models
from tollhouse.dataplane.pipeline import run_all
from tollhouse.dataplane.plugin import Plugin
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.reply import JSON, Reply
from tollhouse.dataplane.request_reading import match_route, no_route, protocol_by_path, read_document, require_running
from tollhouse.dataplane.services import Services

log = logging.getLogger("tollhouse.gateway")


class Gateway:
    """One per worker. ``answer`` and ``finish`` belong together: whoever calls the first calls the second, once."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._builder = SnapshotBuilder(services)
        self.snapshot: Snapshot = self._builder.empty()
        self._retired: deque[tuple[Snapshot, list[Plugin[Any]]]] = deque()
        self._closing: set[asyncio.Task[None]] = set()
        self.recorders: list[Callable[[Exchange], None]] = []
        """Called with every finished exchange after the plugins' own record hooks (the access log)."""

    # -- configuration

    async def load(self, batch: Batch) -> Snapshot:
        """Build the next snapshot beside the running one and swap. Never raises for a bad object: it is in
        ``snapshot.refused`` and its last good version serves on."""
        snapshot = await self._builder.apply(batch)
        previous, self.snapshot = self.snapshot, snapshot
        self._retired.append((previous, self._builder.take_replaced()))
        self._sweep()
        if snapshot.models is not previous.models:
            models = snapshot.models.models.values()
            states_of(self.services).watch(target for model in models for target in model.targets)
        return snapshot

    def _sweep(self) -> None:
        """Close plugins that only retired snapshots used, once the last exchange on those is over."""
        while self._retired and self._retired[0][0].users == 0:
            _, replaced = self._retired.popleft()
            for plugin in replaced:
                self._let_go(plugin)

    def _let_go(self, plugin: Plugin[Any]) -> None:
        """Takes as long as it takes: a logger delivers what waits, as often as it is told to try."""
        closing = asyncio.get_running_loop().create_task(plugin.close(), name=f"close {plugin.name}")
        self._closing.add(closing)
        closing.add_done_callback(self._gone)

    def _gone(self, closing: asyncio.Task[None]) -> None:
        self._closing.discard(closing)
        if not closing.cancelled() and closing.exception() is not None:
            log.error("task failed: %s", closing.get_name(), exc_info=closing.exception())

    @property
    def prices_are_old(self) -> bool:
        """Whether a price has begun to hold that the snapshot does not know: loading anything, or nothing, takes it."""
        return self._builder.prices_are_old

    def count(self) -> dict[str, int]:
        """How many objects of each kind are served."""
        return self._builder.count()

    async def close(self, limit_s: float = 5.0) -> None:
        """Close every plugin, all at once: nothing is served any more. Who is not done within the limit is cut off."""
        replaced = [plugin for _, plugins in self._retired for plugin in plugins]
        for plugin in [*self._builder.all_plugins(), *replaced]:
            self._let_go(plugin)
        if self._closing:
            _, late = await asyncio.wait(self._closing, timeout=limit_s)
            for task in late:
                task.cancel()

    # -- the life of a request

    async def answer(self, ex: Exchange) -> Reply:
        """The reply to a request, errors rendered in the client's format. Raises only CancelledError."""
        ex.snapshot.users += 1
        try:
            reply = await self._answer(ex)
        except GatewayError as error:
            ex.error = error
            reply = self._render(ex, error)
        except Exception as fault:
            log.exception("request failed", extra={"request_id": ex.id, "route": ex.route.id if ex.route else ""})
            ex.error = fault
            reply = self._render(ex, GatewayFault())
        self._dress(ex, reply)
        ex.reply = reply
        return reply

    async def _answer(self, ex: Exchange) -> Reply:
        snapshot = ex.snapshot
        endpoint = snapshot.endpoints.get(ex.path)
        if endpoint is not None:
            return await endpoint(ex)
        route = await match_route(ex)
        now = self.services.clock.monotonic
        ex.matched_s = now()
        pipeline = ex.pipeline = snapshot.pipeline(route, None) if route is not None else snapshot.global_pipeline
        if pipeline.ai or route is None:
            ex.protocol = protocol_by_path(ex.path)
        if pipeline.before_body:
            reply = await run_all(pipeline.before_body, ex)
            if reply is not None:
                return reply
        if route is None:
            reply = await run_all(pipeline.request_hooks, ex)
            if reply is not None:
                return reply
            raise no_route(ex)
        if ex.consumer is not None and ex.consumer.shapes_pipeline:
            pipeline = ex.pipeline = snapshot.pipeline(route, ex.consumer)
        if snapshot.budgets.stops:
            require_running(ex, pipeline)
        route.require_complete()
        ex.identified_s = now()
        passes = ex.protocol is not None and ex.protocol.opaque
        if pipeline.ai and ex.method in ("GET", "HEAD") and not passes:
            return list_models(ex, pipeline)
        if pipeline.needs_document:
            await read_document(ex, pipeline)
        ex.read_s = now()
        if pipeline.request_hooks:
            reply = await run_all(pipeline.request_hooks, ex)
            if reply is not None:
                return reply
        ex.admitted_s = now()
        if ex.protocol is not None and ex.document is not None:
            own = ex.protocol.own_answer(ex.document)
            if own is not None:
                return Reply(200, [JSON], own)
        if pipeline.dispatcher is None:
            raise GatewayError(503, "no_upstream", f"The route {route.id!r} has no upstream and no ai-proxy plugin.")
        return await pipeline.dispatcher.dispatch(ex)

    # -- the reply

    def begin(self, ex: Exchange) -> Reply | None:
        """The head of a streamed reply that is still to come, for a client that is to be shown that somebody is there;
        None where nothing may be promised yet: only once a provider was asked can no refusal of ours come any more."""
        protocol = ex.protocol
        if protocol is None or not protocol.keepalive or not ex.attempts or not ex.peek.stream:
            return None
        ex.begun = True
        early = Reply(200, [("content-type", protocol.stream_type), ("cache-control", "no-cache")])
        self._dress(ex, early)
        return early

    def _render(self, ex: Exchange, error: GatewayError) -> Reply:
        """An error as an answer of its own, or as the end of a stream that was begun."""
        protocol = ex.protocol
        if not ex.begun or protocol is None:
            return self.render_error(ex, error)
        encoder = protocol.stream_encoder(ReplyContext(ex.peek.model, request_id=ex.id))
        return Reply(200, [("content-type", protocol.stream_type)], encoder.error(error, ex.id))

    def render_error(self, ex: Exchange, error: GatewayError) -> Reply:
        """An error as the client expects it: in its protocol's shape, or APISIX's on ordinary routes."""
        headers = [JSON]
        protocol = ex.protocol
        status = error.status if protocol is None else protocol.error_status(error)
        if error.body_override is not None:
            body = error.body_override
        elif protocol is not None:
            body = protocol.encode_error(error, ex.id)
            headers += protocol.error_headers(error).items()
        else:
            shape = error.apisix_body if error.apisix_body is not None else {"error_msg": error.message}
            body = shape.encode() if isinstance(shape, str) else msgspec.json.encode(shape)
        if error.retry_after_s is not None:
            headers.append(("retry-after", str(max(1, round(error.retry_after_s)))))
        headers += error.headers.items()
        return Reply(status, headers, body)

    def _dress(self, ex: Exchange, reply: Reply) -> None:
        reply.headers.append(("x-tollhouse-request-id", ex.id))
        reply.headers.append(("x-tollhouse-revision", ex.snapshot.revision_text))
        if ex.pipeline is None:
            return
        for bound in ex.pipeline.reply_hooks:
            try:
                if bound.runs_for(ex):
                    bound.plugin.reply(ex, reply)
            except Exception:
                log.exception("reply hook failed", extra={"plugin": bound.plugin.name, "request_id": ex.id})
        name = ex.protocol.request_id_header if ex.protocol is not None else ""
        if name and not (ex.pipeline.reply_hooks and name in dict(reply.headers)):
            reply.headers.append((name, ex.id))

    def finish(self, ex: Exchange) -> None:
        """The exchange is over, however it ended. Call exactly once after ``answer`` returned or was cancelled."""
        pipeline = ex.pipeline
        if pipeline is not None:
            for settle in pipeline.settle_hooks:
                try:
                    settle(ex)
                except Exception:
                    log.exception("settle hook failed", extra={"request_id": ex.id})
            for bound in pipeline.record_hooks:
                try:
                    if bound.runs_for(ex):
                        bound.plugin.record(ex)
                except Exception:
                    log.exception("record hook failed", extra={"plugin": bound.plugin.name, "request_id": ex.id})
        for recorder in self.recorders:
            try:
                recorder(ex)
            except Exception:
                log.exception("recorder failed", extra={"request_id": ex.id})
        if ex.reply is not None:
            ex.reply.stream = None  # stream, attempt and exchange hold one another: let go, they are freed at once
        ex.snapshot.users -= 1
        if self._retired and ex.snapshot.users == 0:
            self._sweep()
