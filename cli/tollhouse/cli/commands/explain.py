"""What would happen to a request, or what a route really consists of."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import DEFAULT_NODE, Connection
from tollhouse.cli.failure import USAGE, Failure
from tollhouse.cli.render import Output


def run(
    context: typer.Context,
    prompt: Annotated[str, typer.Argument(help="a user's message; with --data not needed")] = "",
    model: Annotated[str, typer.Option(help="the model asked for")] = "gpt-4o",
    path: Annotated[str, typer.Option(help="path of the request")] = "/v1/chat/completions",
    method: Annotated[str, typer.Option("-X", "--method", help="method of the request")] = "POST",
    header: Annotated[list[str], typer.Option("-H", "--header", help="'name: value' (repeatable)")] = [],  # noqa: B006
    key: Annotated[str, typer.Option(envvar="TOLLHOUSE_KEY", help="the caller's key")] = "",
    body: Annotated[str, typer.Option("-d", "--data", help="body of the request, instead of a prompt")] = "",
    client: Annotated[str, typer.Option(help="address the request comes from")] = "127.0.0.1",
    route: Annotated[str, typer.Option(help="show this route's effective configuration instead")] = "",
    consumer: Annotated[str, typer.Option(help="with --route: with this consumer's plugins merged in")] = "",
    node: Annotated[str, typer.Option(envvar="TOLLHOUSE_NODE", help="host:port of the node asked")] = DEFAULT_NODE,
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
) -> None:
    """Ask a node what it would do with a request (route, plugins, targets in order), without sending it anywhere."""
    from tollhouse.proto.admin.v1 import node_pb2

    connection: Connection = context.obj
    with connection.node(node) as asked:
        if route:
            found = asked.EffectiveConfig(node_pb2.EffectiveConfigRequest(route_id=route, consumer=consumer))
            form = Output.YAML if output is Output.TABLE else output
            render.data(json.loads(found.config_json), form)
            return
        content = body or json.dumps(
            {"model": model, "max_tokens": 1000, "messages": [{"role": "user", "content": prompt or "Hello"}]}
        )
        request = node_pb2.ExplainRequest(
            method=method.upper(),
            path=path,
            body=content.encode(),
            client_address=client,
            headers=_headers(header, key),
        )
        answer = asked.Explain(request)
    if output is not Output.TABLE:
        from google.protobuf.json_format import MessageToDict

        shown = MessageToDict(answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        render.data(shown, output)
        return
    _show(answer)


def _headers(given: list[str], key: str) -> dict[str, str]:
    headers = {"content-type": "application/json"}
    if key:
        headers["authorization"] = f"Bearer {key}"
    for line in given:
        name, colon, value = line.partition(":")
        if not colon:
            raise Failure(f"--header: expected 'name: value', came {line!r}", code=USAGE)
        headers[name.strip().lower()] = value.strip()
    return headers


def _show(answer: Any) -> None:
    console = render.out()
    who = f", consumer {answer.consumer}" if answer.consumer else ""
    console.print(
        f"route [bold]{render.plain(answer.route_id or 'none')}[/]{render.plain(who)}, revision {answer.revision}"
    )
    render.table(("STAGE", "PLUGIN", "RESULT"), [(s.stage, s.plugin, render.plain(s.result)) for s in answer.steps], "")
    ranked = sorted(answer.targets, key=lambda target: (target.rank == 0, target.rank))
    rows = [(str(t.rank or "-"), t.name, t.provider, t.model, render.plain(t.reason)) for t in ranked]
    if rows:
        render.table(("ORDER", "TARGET", "PROVIDER", "MODEL", "WHY"), rows)
    if answer.status:
        console.print(f"[red]would be refused with {answer.status}:[/] {render.plain(answer.error)}")
