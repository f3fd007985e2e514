"""The service layer's answers as messages, and its refusals as status codes."""

from __future__ import annotations

from collections.abc import Mapping

import grpc
import orjson
from tollhouse.controlplane.service.objects import Applied, Change, Event, Shown, Written
from tollhouse.controlplane.service.refusal import Fault
from tollhouse.proto.admin.v1 import config_pb2 as pb
from tollhouse.proto.fleet import NodeRegistration
from tollhouse.proto.problems import Problem

CODES: Mapping[Fault, grpc.StatusCode] = {
    Fault.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Fault.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Fault.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    Fault.DENIED: grpc.StatusCode.PERMISSION_DENIED,
    Fault.SLOWED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Fault.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Fault.UNSUPPORTED: grpc.StatusCode.INVALID_ARGUMENT,
    Fault.STILL_USED: grpc.StatusCode.FAILED_PRECONDITION,
    Fault.PRECONDITION: grpc.StatusCode.FAILED_PRECONDITION,
    Fault.LOST_RACE: grpc.StatusCode.ABORTED,
    Fault.COMPACTED: grpc.StatusCode.FAILED_PRECONDITION,
    Fault.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}

_ACTIONS = {
    "create": pb.Change.CREATE,
    "update": pb.Change.UPDATE,
    "delete": pb.Change.DELETE,
    "unchanged": pb.Change.UNCHANGED,
}
_EVENTS = {"started": pb.WatchEvent.STARTED, "put": pb.WatchEvent.PUT, "delete": pb.WatchEvent.DELETE}


def object_message(item: Shown) -> pb.Object:
    """One object."""
    return pb.Object(
        kind=item.kind,
        id=item.id,
        key=item.key,
        value_json=orjson.dumps(item.value),
        create_revision=item.create_revision,
        mod_revision=item.mod_revision,
    )


def written_message(result: Written) -> pb.WriteResponse:
    """What a put or patch did."""
    return pb.WriteResponse(
        object=object_message(result.object),
        created=result.created,
        revision=result.revision,
        problems=[problem_message(problem) for problem in result.problems],
    )


def problem_message(problem: Problem) -> pb.Problem:
    """One problem, warning or note."""
    return pb.Problem(
        where=problem.where,
        what=problem.what,
        hint=problem.hint,
        severity=problem.severity,
        file=problem.file,
        line=problem.line,
    )


def applied_message(result: Applied) -> pb.ApplyResponse:
    """What an apply did or would do."""
    return pb.ApplyResponse(
        changes=[change_message(change) for change in result.changes],
        problems=[problem_message(problem) for problem in result.problems],
        revision=result.revision,
    )


def change_message(change: Change) -> pb.Change:
    """What happened to one object."""
    return pb.Change(
        action=_ACTIONS[change.action],
        kind=change.kind,
        id=change.id,
        before_json=b"" if change.before is None else orjson.dumps(change.before),
        after_json=b"" if change.after is None else orjson.dumps(change.after),
    )


def event_message(event: Event) -> pb.WatchEvent:
    """One change, or the start of a watch."""
    message = pb.WatchEvent(type=_EVENTS[event.type], revision=event.revision)
    if event.object is not None:
        if event.type == "delete":
            message.object.kind, message.object.id, message.object.key = (
                event.object.kind,
                event.object.id,
                event.object.key,
            )
            message.object.mod_revision = event.object.mod_revision
        else:
            message.object.CopyFrom(object_message(event.object))
    return message


def node_message(node: NodeRegistration) -> pb.Node:
    """What a node says of itself."""
    return pb.Node(
        id=node.id,
        hostname=node.hostname,
        version=node.version,
        grpc_address=node.grpc_address,
        http_address=node.http_address,
        started_at=node.started_at,
        workers=node.workers,
        workers_alive=node.workers_alive,
        applied_revision=node.applied_revision,
        source=node.source,
        refused=[
            pb.RefusedObject(
                kind=item.kind,
                id=item.id,
                mod_revision=item.mod_revision,
                reason=item.reason,
                kept_revision=item.kept_revision,
            )
            for item in node.refused
        ],
        draining=node.draining,
    )
