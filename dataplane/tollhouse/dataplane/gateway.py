"""Takes one exchange through the current configuration: match, stages, dispatch, reply; then settle and record."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from tollhouse.dataplane import registry
from tollhouse.dataplane.config.objects import Batch
from tollhouse.dataplane.config.snapshot import CompiledRoute, Snapshot
from tollhouse.dataplane.config.snapshot_builder import SnapshotBuilder
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import ClientError, GatewayError, GatewayFault, UpstreamError
from tollhouse.dataplane.exchange import Exchange, ExplainStep, Explanation
from tollhouse.dataplane.pipeline import Pipeline, run_all
from tollhouse.dataplane.plugin import DispatchPlugin, Plugin
from tollhouse.dataplane.protocol import Protocol
from tollhouse.dataplane.protocols._models import DIALECTS
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.variables import BodyNeeded

log = logging.getLogger("tollhouse.gateway")

JSON = ("content-type", "application/json")
NOT_FOUND = "404 Route Not Found"


class Gateway:
    """One per worker. ``answer`` and ``finish`` belong together: whoever calls the first calls the second, once."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._builder = SnapshotBuilder(services)
        self.snapshot: Snapshot = self._builder.empty()
        self._retired: deque[tuple[Snapshot, list[Plugin[Any]]]] = deque()
        self.recorders: list[Callable[[Exchange], None]] = []
        """Called with every finished exchange after the plugins' own record hooks (the access log)."""
        self._protocol_of_path: dict[str, Protocol | None] = {}

    # -- configuration

    async def load(self, batch: Batch) -> Snapshot:
        """Build the next snapshot beside the running one and swap. Never raises for a bad object: it is in
        ``snapshot.refused`` and its last good version serves on."""
        snapshot = await self._builder.apply(batch)
        previous, self.snapshot = self.snapshot, snapshot
        self._retired.append((previous, self._builder.take_replaced()))
        self._sweep()
        return snapshot

    def _sweep(self) -> None:
        """Close plugins that only retired snapshots used, once the last exchange on those is over."""
        while self._retired and self._retired[0][0].users == 0:
            _, replaced = self._retired.popleft()
            for plugin in replaced:
                self.services.spawn(plugin.close(), f"close {plugin.name}")

    def count(self) -> dict[str, int]:
        """How many objects of each kind are served."""
        return self._builder.count()

    async def close(self) -> None:
        """Close every plugin: nothing is served any more."""
        for plugin in self._builder.all_plugins():
            await plugin.close()

    # -- the life of a request

    async def answer(self, ex: Exchange) -> Reply:
        """The reply to a request, errors rendered in the client's format. Raises only CancelledError."""
        ex.snapshot.users += 1
        try:
            reply = await self._answer(ex)
        except GatewayError as error:
            ex.error = error
            reply = self.render_error(ex, error)
        except Exception as fault:
            log.exception("request failed", extra={"request_id": ex.id, "route": ex.route.id if ex.route else ""})
            ex.error = fault
            reply = self.render_error(ex, GatewayFault())
        self._dress(ex, reply)
        ex.reply = reply
        return reply

    async def _answer(self, ex: Exchange) -> Reply:
        snapshot = ex.snapshot
        endpoint = snapshot.endpoints.get(ex.path)
        if endpoint is not None:
            return await endpoint(ex)
        route = await self._match(ex)
        now = self.services.clock.monotonic
        ex.matched_s = now()
        pipeline = ex.pipeline = snapshot.pipeline(route, None) if route is not None else snapshot.global_pipeline
        if pipeline.ai or route is None:
            ex.protocol = self._protocol_by_path(ex.path)
        reply = await run_all(pipeline.before_body, ex)
        if reply is not None:
            return reply
        if route is None:
            reply = await run_all(pipeline.request_hooks, ex)
            if reply is not None:
                return reply
            raise _no_route(ex)
        if ex.consumer is not None and ex.consumer.shapes_pipeline:
            pipeline = ex.pipeline = snapshot.pipeline(route, ex.consumer)
        if snapshot.budgets.stops:
            _require_running(ex, pipeline)
        route.require_complete()
        ex.identified_s = now()
        passes = ex.protocol is not None and ex.protocol.opaque
        if pipeline.ai and ex.method in ("GET", "HEAD") and not passes:
            return self._list_models(ex, pipeline)
        if pipeline.needs_document:
            await self._read_document(ex, pipeline)
        ex.read_s = now()
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

    async def _match(self, ex: Exchange) -> CompiledRoute | None:
        try:
            route = ex.snapshot.match(ex)
        except BodyNeeded:
            ex.body = await ex.read_body()
            route = ex.snapshot.match(ex)
        ex.route = route
        return route

    async def _read_document(self, ex: Exchange, pipeline: Pipeline) -> None:
        if ex.body is None:
            ex.body = await ex.read_body()
        if not ex.body and not pipeline.ai:
            return
        if pipeline.ai and not ex.body and not (ex.protocol is not None and ex.protocol.opaque):
            raise ClientError(
                400,
                "missing_body",
                "The request has no body. Send a JSON object.",
                apisix_body={"message": "missing request body"},
            )
        protocol = ex.protocol
        ex.document = RequestDocument(ex.body) if protocol is None else protocol.read_document(ex.body, ex.headers)
        if ex.protocol is None and pipeline.ai:
            ex.protocol = next((one for one in registry.protocol_list() if one.claims(ex.path, ex.document)), None)
            if ex.protocol is None:
                ex.protocol = _dialect(ex)
                served = ", ".join(one.name for one in registry.protocol_list())
                raise ClientError(
                    404,
                    "unknown_protocol",
                    f"No protocol served here fits {ex.method} {ex.path}. Served are: {served}.",
                )
        if ex.protocol is not None:
            ex.protocol.enter(ex.path, ex.query, ex.document)

    def _protocol_by_path(self, path: str) -> Protocol | None:
        try:
            return self._protocol_of_path[path]
        except KeyError:
            found = next((one for one in registry.protocol_list() if one.claims(path, None)), None)
            if len(self._protocol_of_path) < 4096:  # paths come from clients
                self._protocol_of_path[path] = found
            return found

    def _list_models(self, ex: Exchange, pipeline: Pipeline) -> Reply:
        dispatcher = pipeline.dispatcher
        listed = dispatcher.models(ex) if isinstance(dispatcher, DispatchPlugin) else None
        head, _, name = ex.path.partition("/models")
        google = head.endswith("/v1beta")
        if listed is None or not (google or head.endswith("/v1")) or (name and not name.startswith("/")):
            ex.protocol = ex.protocol or _dialect(ex)
            raise ClientError(
                405,
                "method_not_allowed",
                f"{ex.method} is not served on {ex.path}. Send a POST.",
                headers={"allow": "POST"},
            )
        dialect = _dialect(ex)
        assert dialect is not None
        whole, one = DIALECTS[dialect.name]
        if name in ("", "/"):
            return Reply(200, [JSON], whole(listed))
        wanted = name[1:]
        for model in listed:
            if model.id == wanted:
                return Reply(200, [JSON], msgspec.json.encode(one(model)))
        ex.protocol = dialect
        raise ClientError(
            404, "model_not_found", f"There is no model {wanted!r} here. GET {head}/models lists those there are."
        )

    # -- the reply

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

    # -- what would happen

    async def explain(self, ex: Exchange) -> Explanation:
        """Go through everything up to dispatch without sending, counting or logging anything."""
        told = Explanation()
        ex.snapshot.users += 1
        try:
            await self._explain(ex, told)
        except GatewayError as error:
            told.status, told.error = error.status, error.message
        finally:
            ex.snapshot.users -= 1
        told.route_id = ex.route.id if ex.route else ""
        told.consumer = ex.consumer_name
        return told

    async def _explain(self, ex: Exchange, told: Explanation) -> None:
        route = await self._match(ex)
        if route is None:
            raise _no_route(ex)
        told.steps.append(ExplainStep("match", "", f"route {route.id}: {route.matched_uri or ex.path}"))
        pipeline = ex.pipeline = ex.snapshot.pipeline(route, None)
        ex.protocol = self._protocol_by_path(ex.path) if pipeline.ai else None
        for hook in pipeline.before_body:
            await self._explain_hook(ex, told, hook)
        if ex.consumer is not None and ex.consumer.shapes_pipeline:
            pipeline = ex.pipeline = ex.snapshot.pipeline(route, ex.consumer)
        _require_running(ex, pipeline)
        route.require_complete()
        if pipeline.needs_document:
            await self._read_document(ex, pipeline)
        for hook in pipeline.request_hooks:
            await self._explain_hook(ex, told, hook)
        if isinstance(pipeline.dispatcher, DispatchPlugin):
            told.targets = pipeline.dispatcher.explain(ex)
        if pipeline.dispatcher is None:
            raise UpstreamError(503, "no_upstream", f"The route {route.id!r} has no upstream and no ai-proxy plugin.")

    async def _explain_hook(self, ex: Exchange, told: Explanation, hook: Any) -> None:
        plugin = hook.bound.plugin
        stage = hook.stage.name.lower()
        if not hook.bound.runs_for(ex):
            told.steps.append(ExplainStep(stage, plugin.name, "skipped by _meta.filter"))
        elif plugin.counts:
            told.steps.append(ExplainStep(stage, plugin.name, "counts when sent; not evaluated here"))
        else:
            try:
                reply = await hook.run(ex)
            except GatewayError as error:
                told.steps.append(ExplainStep(stage, plugin.name, f"refuses with {error.status}: {error.message}"))
                raise
            told.steps.append(ExplainStep(stage, plugin.name, f"answers with {reply.status}" if reply else "passes"))


def _dialect(ex: Exchange) -> Protocol | None:
    """The format in which a caller expects to be told what concerns no format: by the vendors' own addresses. None on
    paths that are nobody's."""
    by_name = registry.protocols_by_name()
    if "/v1beta/" in ex.path or "x-goog-api-client" in ex.headers:
        return by_name["gemini_generate"]
    if "anthropic-version" in ex.headers or "/v1/messages" in ex.path:
        return by_name["anthropic_messages"]
    return by_name["openai_chat"] if "/v1/" in ex.path else None


def _require_running(ex: Exchange, pipeline: Pipeline) -> None:
    """Raises 403 for a caller whose kill switch is on. Stopping everyone concerns routes that serve models only."""
    budgets = ex.snapshot.budgets
    consumer = ex.consumer
    if consumer is None and not pipeline.ai:
        return
    groups = budgets.groups(consumer.group_id) if consumer is not None else ()
    reason = budgets.stops.reason(ex.consumer_name, groups, everyone=pipeline.ai)
    if reason is not None:
        raise ClientError(403, "stopped", reason, headers={"x-should-retry": "false"})


def _no_route(ex: Exchange) -> ClientError:
    return ClientError(
        404, "route_not_found", f"No route serves {ex.method} {ex.path}.", apisix_body={"error_msg": NOT_FOUND}
    )
