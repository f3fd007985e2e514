"""More than a budget has: what agents ask for, and what operators say."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands import _live
from tollhouse.cli.failure import USAGE, Failure
from tollhouse.cli.render import Output
from tollhouse.proto.durations import duration_s

_TIMES = ("opened_at", "expires_at", "until", "decided_at")


class Action(StrEnum):
    """What to do."""

    LIST = "list"
    SHOW = "show"
    APPROVE = "approve"
    DENY = "deny"
    REVOKE = "revoke"


def run(
    context: typer.Context,
    action: Annotated[Action, typer.Argument(help="list, show, approve, deny or revoke")] = Action.LIST,
    approval: Annotated[str, typer.Argument(metavar="[APPROVAL]", help="id of the approval")] = "",
    state: Annotated[str, typer.Option(help="list: pending, approved, denied, revoked or expired")] = "",
    budget: Annotated[str, typer.Option(help="list: of this budget")] = "",
    amount: Annotated[str, typer.Option(help="approve: how much; default: what is suggested")] = "",
    for_: Annotated[
        str, typer.Option("--for", help="approve: how long the grant lasts; deny: how long nobody is asked again")
    ] = "1h",
    note: Annotated[str, typer.Option(help="why; callers are told when it is denied")] = "",
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
    timeout: Annotated[float, typer.Option(help="seconds to wait until every node knows")] = 15.0,
) -> None:
    """List approvals, and decide them: grant an agent more than its budget has, for a while, or refuse it."""
    from tollhouse.proto.admin.v1 import approvals_pb2 as pb

    connection: Connection = context.obj
    if action is not Action.LIST and not approval:
        raise Failure(f"{action} needs the id of an approval", "gatewayctl approvals list --state pending", USAGE)
    with connection.approvals() as service:
        if action is Action.LIST:
            _list(service.List(pb.ListApprovalsRequest(state=state, budget=budget)).approvals, output)
            return
        if action is Action.SHOW:
            render.data(_told(service.Get(pb.GetApprovalRequest(id=approval))), _form(output))
            return
        if action is Action.APPROVE:
            one = service.Approve(pb.ApproveRequest(id=approval, amount=amount, for_s=_seconds(for_), note=note))
        elif action is Action.DENY:
            one = service.Deny(pb.DenyRequest(id=approval, for_s=_seconds(for_), note=note))
        else:
            one = service.Revoke(pb.RevokeRequest(id=approval, note=note))
    with connection.config() as config:
        nodes, took_s = _live.wait(config, one.revision, timeout)
    if output is not Output.TABLE:
        render.data(_told(one), output)
        return
    granted = f"{one.granted} {one.unit} until {_time(one.until)}" if one.state == "approved" else f"for {for_}"
    what = f"{one.state}: {granted}" if one.state != "revoked" else "revoked"
    render.out().print(f"{render.plain(one.id)} {what}, live on {nodes} nodes after {took_s:.2f} s")


def _seconds(text: str) -> int:
    try:
        return duration_s(text)
    except ValueError as error:
        raise Failure(f"--for: {error}", code=USAGE) from None


def _form(output: Output) -> Output:
    return Output.YAML if output is Output.TABLE else output


def _list(approvals: Any, output: Output) -> None:
    if output is not Output.TABLE:
        render.data([_told(one) for one in approvals], output)
        return
    columns = ("APPROVAL", "STATE", "BUDGET", "FOR", "AGENT", "MODEL", "NEEDS", "USED", "OPENED", "GRANTED")
    render.table(columns, map(_row, approvals), "there are no approvals")


def _row(one: Any) -> tuple[str, ...]:
    granted = f"{one.granted} until {_time(one.until)}" if one.granted else "-"
    state = "[yellow]pending[/]" if one.state == "pending" else "[green]approved[/]" if one.active else one.state
    texts = (one.budget, one.key.partition("|")[2] or "-", one.context.consumer or "-", one.context.model or "-")
    amounts = (f"{one.needed} {one.unit}", f"{one.used} of {one.limit}")
    return (one.id, state, *map(render.plain, texts), *amounts, _time(one.opened_at), granted)


def _told(one: Any) -> dict[str, Any]:
    """Everything there is, times as people read them."""
    from google.protobuf.json_format import MessageToDict

    told: dict[str, Any] = MessageToDict(one, preserving_proto_field_name=True)
    told.pop("revision", None)
    for name in _TIMES:
        if name in told:
            told[name] = _time(int(told[name]))
    numbers = ("body_bytes", "input_tokens", "output_tokens")
    context = told.get("context", {})
    context.update({name: int(context[name]) for name in numbers if name in context})
    return told


def _time(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
