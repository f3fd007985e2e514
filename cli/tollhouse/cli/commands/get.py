"""List objects, or show one."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands._kinds import complete, plural
from tollhouse.cli.render import Output


def run(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="routes, models, consumers, ...", autocompletion=complete)],
    object_id: Annotated[str, typer.Argument(metavar="[ID]", help="one object")] = "",
    label: Annotated[str, typer.Option(help="only those with this label")] = "",
    name: Annotated[str, typer.Option(help="only those whose name fits this regular expression")] = "",
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
) -> None:
    """List the objects of a kind, or show one. What `-o yaml` prints, `apply` takes."""
    from tollhouse.proto.admin.v1 import config_pb2

    connection: Connection = context.obj
    wanted = plural(kind)
    with connection.config() as config:
        if object_id:
            found = config.Get(config_pb2.GetRequest(kind=wanted, id=object_id))
            render.data(value_of(found), Output.YAML if output is Output.TABLE else output)
            return
        answer = config.List(config_pb2.ListRequest(kind=wanted, label=label, name=name))
    if output is not Output.TABLE:
        render.data({wanted: [value_of(one) for one in answer.objects]}, output)
        return
    rows = [_row(one) for one in answer.objects]
    render.table(("ID", "WHAT", "PLUGINS", "UPDATED", "REVISION"), rows, f"there are no {wanted}")


def value_of(found: Any) -> dict[str, Any]:
    """The object with its id first."""
    value: dict[str, Any] = json.loads(found.value_json)
    return value if "username" in value and found.kind == "consumers" else {"id": found.id, **_without(value, "id")}


def _without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: one for key, one in value.items() if key != name}


def _row(found: Any) -> tuple[str, str, str, str, str]:
    value = json.loads(found.value_json)
    updated = value.get("update_time")
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(updated)) if isinstance(updated, int | float) else ""
    plugins = ", ".join(value.get("plugins") or {})
    return found.id, render.plain(_what(found.kind, value)), plugins, when, str(found.mod_revision)


def _what(kind: str, value: dict[str, Any]) -> str:
    if kind == "routes":
        uris = value.get("uris") or [value.get("uri", "")]
        hosts = value.get("hosts") or ([value["host"]] if value.get("host") else [])
        methods = ",".join(value.get("methods") or []) or "any"
        return f"{methods} {','.join(hosts)}{' '.join(str(uri) for uri in uris)}"
    if kind == "models":
        targets = [f"{one.get('provider')}/{one.get('model', '')}" for one in value.get("targets") or []]
        return " then ".join(targets)
    if kind == "providers":
        return f"{value.get('type', '')} {value.get('endpoint', '')}".strip()
    if kind == "ssls":
        return ", ".join(value.get("snis") or [value.get("sni", "")])
    if kind == "upstreams":
        nodes = value.get("nodes") or {}
        names = nodes if isinstance(nodes, dict) else [f"{node.get('host')}:{node.get('port', '')}" for node in nodes]
        return ", ".join(names)
    if kind == "budgets":
        scope = ", ".join(f"{name}={one}" for name, one in (value.get("scope") or {}).items()) or "everything"
        each = "in total" if value.get("window") == "total" else f"a {value.get('window')}"
        return f"{value.get('amount')} {value.get('unit')} {each} for {scope}"
    if kind == "notifiers":
        return f"{value.get('type', '')} for {', '.join(value.get('events') or []) or 'every event'}"
    if kind == "price_tables":
        return f"{value.get('source')} {value.get('version')}"
    return str(value.get("desc") or value.get("name") or value.get("group_id") or "")
