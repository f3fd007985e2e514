"""The gRPC NodeService on 9092: what this node serves and would do, with health, reflection and a token."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, TypeVar

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tollhouse.dataplane.runtime.counts.budget_report import BudgetService
from tollhouse.dataplane.runtime.link.link import LinkError
from tollhouse.dataplane.runtime.link.messages import (
    Effective,
    EffectiveWanted,
    Explained,
    ExplainWanted,
    Family,
    Health,
    HealthWanted,
)
from tollhouse.dataplane.runtime.listeners import PortTaken
from tollhouse.dataplane.runtime.node.breakers import ACTIONS
from tollhouse.dataplane.runtime.node.callers import Callers
from tollhouse.dataplane.runtime.node.report import NodeReport
from tollhouse.dataplane.runtime.node.token_check import TokenCheck
from tollhouse.dataplane.runtime.sinks.tailing import Tails
from tollhouse.dataplane.runtime.telemetry.scrape import Scrape
from tollhouse.dataplane.settings import Settings, split_address
from tollhouse.proto.admin.v1 import config_pb2, node_pb2, node_pb2_grpc, spend_pb2_grpc

log = logging.getLogger("tollhouse.node_api")

ASK_TIMEOUT_S = 5.0
SERVICE = "tollhouse.admin.v1.NodeService"

AnswerT = TypeVar("AnswerT")


class NodeService(node_pb2_grpc.NodeServiceServicer):
    """Answers from the supervisor's own knowledge, or asks a worker."""

    def __init__(self, report: NodeReport, scrape: Scrape, tails: Tails) -> None:
        self._report = report
        self._scrape = scrape
        self._tails = tails

    async def Status(self, request: Any, context: Any) -> Any:  # noqa: N802 (gRPC's name)
        """The node as it is in the fleet, and whether it is ready."""
        report = self._report
        reason = report.not_ready_reason()
        return node_pb2.StatusResponse(
            node=_node(report),
            config_age_s=report.config_age_s,
            ready=not reason,
            not_ready_reason=reason,
            objects=report.objects(),
        )

    async def EffectiveConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A route with everything merged in."""
        if not request.route_id:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "route_id: name the route to look at")
        answer = await self._ask(EffectiveWanted(request.route_id, request.consumer), Effective, context)
        if answer.missing:
            await context.abort(grpc.StatusCode.NOT_FOUND, answer.missing)
        return node_pb2.EffectiveConfigResponse(config_json=answer.config_json, revision=answer.revision)

    async def SetTarget(self, request: Any, context: Any) -> Any:  # noqa: N802
        """An operator's word on the breakers of a target."""
        if not request.name or request.action not in ACTIONS:
            wanted = f"name a target, and one of the actions {', '.join(ACTIONS)}"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, wanted)
        try:
            count = await self._report.breakers.force(request.name, request.action)
        except LinkError as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        return node_pb2.SetTargetResponse(known=count)

    async def Explain(self, request: Any, context: Any) -> Any:  # noqa: N802
        """What would happen to a request."""
        if not request.path.startswith("/"):
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, f"path: expected one that starts with /, came {request.path!r}"
            )
        wanted = ExplainWanted(
            (request.method or "POST").upper(),
            request.path,
            dict(request.headers),
            request.body,
            request.client_address or "127.0.0.1",
            request.route_id,
            request.consumer,
        )
        told = await self._ask(wanted, Explained, context)
        return node_pb2.ExplainResponse(
            route_id=told.route_id,
            consumer=told.consumer,
            steps=[
                node_pb2.ExplainStep(stage=stage, plugin=plugin, result=result) for stage, plugin, result in told.steps
            ],
            targets=[
                node_pb2.ExplainTarget(name=name, provider=provider, model=model, rank=rank, reason=reason)
                for name, provider, model, rank, reason in told.targets
            ],
            status=told.status,
            error=told.error,
            revision=told.revision,
        )

    async def Numbers(self, request: Any, context: Any) -> Any:  # noqa: N802
        """What a scrape would show, as numbers."""
        wanted = frozenset(request.names)
        families = [one for one in await self._scrape.families() if not wanted or one.name in wanted]
        return node_pb2.NumbersResponse(families=[_family(one) for one in families])

    async def TargetHealth(self, request: Any, context: Any) -> Any:  # noqa: N802
        """What each worker knows; workers check and count for themselves."""
        told = []
        for worker in self._report.crew.serving:
            if worker.link is None:
                continue
            try:
                answer = await worker.link.ask(HealthWanted(), Health, ASK_TIMEOUT_S)
                told.append(node_pb2.WorkerHealth(worker=worker.index, targets_json=answer.targets_json))
            except LinkError as error:
                told.append(node_pb2.WorkerHealth(worker=worker.index, error=str(error)))
        return node_pb2.TargetHealthResponse(workers=told)

    async def Tail(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Finished requests from now on."""
        if request.most_per_second < 0:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "most_per_second: expected 0 or more")
        async with self._tails.listen(request.most_per_second) as entries:
            await context.send_initial_metadata(())  # the caller knows from here on that nothing is missed
            async for entry, lost in entries:
                yield node_pb2.TailEvent(entry_json=entry, lost=lost)

    async def _ask(self, question: Any, answer: type[AnswerT], context: Any) -> AnswerT:
        for worker in self._report.crew.serving:
            if worker.link is None:
                continue
            try:
                return await worker.link.ask(question, answer, ASK_TIMEOUT_S)
            except LinkError as error:
                await context.abort(grpc.StatusCode.UNAVAILABLE, f"worker {worker.index} did not answer: {error}")
        await context.abort(grpc.StatusCode.UNAVAILABLE, self._report.not_ready_reason() or "no worker serves")
        raise AssertionError("abort raises")


class NodeApi:
    """The gRPC server of a node."""

    def __init__(
        self, settings: Settings, node: NodeService, report: NodeReport, budgets: BudgetService, callers: Callers
    ) -> None:
        self._settings = settings
        self._node = node
        self._report = report
        self._budgets = budgets
        self._callers = callers
        self._server: Any = None
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]

    async def start(self, address: str) -> str:
        """Listen. Returns the address as bound. Raises PortTaken."""
        settings = self._settings
        host, _ = split_address(address)
        interceptors = [TokenCheck(settings.admin_key, self._callers)] if settings.admin_key else []
        if not settings.admin_key and host not in ("127.0.0.1", "::1", "localhost"):
            raise PortTaken(
                f"gRPC on {address} needs a token, because others can reach it: set TOLLHOUSE_ADMIN_KEY, "
                "or listen on 127.0.0.1"
            )
        self._server = grpc.aio.server(interceptors=interceptors, options=[("grpc.so_reuseport", 0)])
        node_pb2_grpc.add_NodeServiceServicer_to_server(self._node, self._server)
        spend_pb2_grpc.add_BudgetServiceServicer_to_server(self._budgets, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)
        try:
            port = self._listen(address)
        except RuntimeError as error:
            raise PortTaken(f"cannot listen on {address}: {error}") from None
        await self._server.start()
        for name in ("", SERVICE):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        return f"{address.rpartition(':')[0]}:{port}"

    def _listen(self, address: str) -> int:
        settings = self._settings
        if not settings.grpc_cert:
            return int(self._server.add_insecure_port(address))
        pair = (Path(settings.grpc_key).read_bytes(), Path(settings.grpc_cert).read_bytes())
        ca = Path(settings.grpc_client_ca).read_bytes() if settings.grpc_client_ca else None
        credentials = grpc.ssl_server_credentials([pair], root_certificates=ca, require_client_auth=ca is not None)
        return int(self._server.add_secure_port(address, credentials))

    async def stop_serving(self) -> None:
        """Tell probes that the node takes no new work; questions are answered on."""
        for name in ("", SERVICE):
            await self._health.set(name, health_pb2.HealthCheckResponse.NOT_SERVING)

    async def close(self) -> None:
        """Stop; calls under way get a second."""
        if self._server is not None:
            await self._health.enter_graceful_shutdown()
            await self._server.stop(1.0)


def _node(report: NodeReport) -> Any:
    known = report.registration()
    return config_pb2.Node(
        id=known.id,
        hostname=known.hostname,
        version=known.version,
        grpc_address=known.grpc_address,
        http_address=known.http_address,
        started_at=known.started_at,
        workers=known.workers,
        workers_alive=known.workers_alive,
        applied_revision=known.applied_revision,
        source=known.source,
        refused=[
            config_pb2.RefusedObject(
                kind=one.kind,
                id=one.id,
                mod_revision=one.mod_revision,
                reason=one.reason,
                kept_revision=one.kept_revision,
            )
            for one in known.refused
        ],
        draining=known.draining,
    )


def _family(one: Family) -> Any:
    return node_pb2.Family(
        name=one.name,
        kind=one.kind,
        labels=one.label_names,
        bounds=one.bounds,
        series=[
            node_pb2.Series(labels=series.labels, value=series.value, counts=series.counts) for series in one.series
        ],
    )
