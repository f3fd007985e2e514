"""What would happen to a request: everything up to dispatch, without sending, counting or logging anything."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.config.snapshot import CompiledRoute
from tollhouse.dataplane.errors import ClientError, GatewayError, UpstreamError
from tollhouse.dataplane.exchange import Exchange, ExplainStep, Explanation
from tollhouse.dataplane.identifying import enter
from tollhouse.dataplane.plugin import DispatchPlugin
from tollhouse.dataplane.request_reading import match_route, no_route, protocol_by_path, read_document, require_running
from tollhouse.dataplane.stages import Stage


async def explain(ex: Exchange, route_id: str = "", caller: str = "") -> Explanation:
    """Go through everything up to dispatch without sending, counting or logging anything. ``route_id``: the route that
    is taken, instead of the one that fits; ``caller``: the consumer it is taken to be of, whoever that would be."""
    told = Explanation()
    ex.snapshot.users += 1
    try:
        await _explain(ex, told, route_id, caller)
    except GatewayError as error:
        told.status, told.error = error.status, error.message
    finally:
        ex.snapshot.users -= 1
    told.route_id = ex.route.id if ex.route else ""
    told.consumer = ex.consumer_name
    return told


async def _explain(ex: Exchange, told: Explanation, route_id: str, caller: str) -> None:
    route = await _route(ex, told, route_id)
    pipeline = ex.pipeline = ex.snapshot.pipeline(route, None)
    ex.protocol = protocol_by_path(ex.path) if pipeline.ai else None
    if caller:
        _enter(ex, caller)
    for hook in pipeline.before_body:
        if caller and hook.bound.plugin.stage is Stage.IDENTIFY:
            told.steps.append(ExplainStep("identify", hook.bound.plugin.name, f"not asked: taken to be {caller}"))
        else:
            await _explain_hook(ex, told, hook)
    if ex.consumer is not None and ex.consumer.shapes_pipeline:
        pipeline = ex.pipeline = ex.snapshot.pipeline(route, ex.consumer)
    require_running(ex, pipeline)
    route.require_complete()
    if pipeline.needs_document:
        await read_document(ex, pipeline)
    for hook in pipeline.request_hooks:
        await _explain_hook(ex, told, hook)
    if isinstance(pipeline.dispatcher, DispatchPlugin):
        told.targets = pipeline.dispatcher.explain(ex)
    if pipeline.dispatcher is None:
        raise UpstreamError(503, "no_upstream", f"The route {route.id!r} has no upstream and no ai-proxy plugin.")


async def _route(ex: Exchange, told: Explanation, route_id: str) -> CompiledRoute:
    if not route_id:
        route = await match_route(ex)
        if route is None:
            raise no_route(ex)
        told.steps.append(ExplainStep("match", "", f"route {route.id} takes {ex.method} {ex.path}"))
        return route
    route = ex.route = ex.snapshot.routes.get(route_id)
    if route is None:
        raise ClientError(404, "route_not_found", f"There is no route {route_id!r} any more.")
    told.steps.append(ExplainStep("match", "", f"route {route.id}: named, not looked for"))
    return route


def _enter(ex: Exchange, caller: str) -> None:
    consumer = ex.snapshot.consumers.by_name(caller)
    if consumer is None:
        raise ClientError(401, "unknown_consumer", f"There is no consumer {caller!r} any more.")
    enter(ex, consumer, "")


async def _explain_hook(ex: Exchange, told: Explanation, hook: Any) -> None:
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
