"""Reads the audit trail: is it whole, what is in it, what was decided about a request; in the fleet's or in files."""

from __future__ import annotations

import os
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands._audit_files import search_files, verify_files
from tollhouse.cli.failure import USAGE, Failure
from tollhouse.cli.render import Output
from tollhouse.proto.audit_chain import seal_key

COLUMNS = ("time", "request_id", "actor", "route", "rule", "action", "address", "revision")


class Action(StrEnum):
    """What to do."""

    VERIFY = "verify"
    SEARCH = "search"
    EXPLAIN = "explain"
    EXPORT = "export"


def run(
    context: typer.Context,
    action: Annotated[Action, typer.Argument(help="verify the chains, search, explain a request, export everything")],
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="explain: the request's id; verify and search: audit files or folders instead of the fleet's"
        ),
    ] = None,
    request: Annotated[str, typer.Option(help="only this request id")] = "",
    actor: Annotated[str, typer.Option("--actor", "--consumer", help="only this consumer, or admin key")] = "",
    rule: Annotated[str, typer.Option(help="only rules that begin so: secrets/, permission/, admin/routes")] = "",
    kind: Annotated[str, typer.Option(help="only admin, verdict, permission or seal")] = "",
    text: Annotated[str, typer.Option(help="only records that hold this text")] = "",
    since: Annotated[str, typer.Option(help="only the last 30m, 24h, 7d")] = "",
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=1000, help="records at most, the newest")] = 100,
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
) -> int:
    """Verify, search, explain or export the audit trail: admin changes, verdicts, refused permissions. Files are
    checked with the key in TOLLHOUSE_SEALING_KEY, if it is set."""
    connection: Connection = context.obj
    named = what or []
    if action is Action.EXPORT:
        return _export(connection, _since_ms(since))
    if action is Action.EXPLAIN:
        ids = [*named, *([request] if request else [])]
        if len(ids) != 1:
            raise Failure("explain needs one request id", "it is in the reply's x-tollhouse-request-id", USAGE)
        return _explain(connection, ids[0], output)
    if named:
        paths = _files(named)
        if action is Action.VERIFY:
            return verify_files(paths, seal_key(os.environ.get("TOLLHOUSE_SEALING_KEY", "")))
        return search_files(paths, {"request_id": request, "actor": actor, "rule": rule, "kind": kind})
    if action is Action.VERIFY:
        return _verify(connection, output)
    narrowed = {"request_id": request, "actor": actor, "rule": rule, "kind": kind, "text": text}
    return _search(connection, {**narrowed, "from_ms": _since_ms(since), "limit": limit}, output)


def _files(named: list[str]) -> list[Path]:
    paths = [path for file in map(Path, named) for path in (sorted(file.glob("*.jsonl")) if file.is_dir() else [file])]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing or not paths:
        raise Failure(f"no audit file: {', '.join(missing) or named[0]}", code=USAGE)
    return paths


def _since_ms(text: str) -> int:
    if not text:
        return 0
    units = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
    if text[-1] not in units or not text[:-1].isdecimal() or len(text) > 6:
        raise Failure(f"--since: expected 30m, 24h or 7d, came {text!r}", code=USAGE)
    return int((time.time() - int(text[:-1]) * units[text[-1]]) * 1000)


# --- the fleet's -----------------------------------------------------------------------------------------------------


def _search(connection: Connection, narrowed: dict[str, Any], output: Output) -> int:
    from tollhouse.proto.admin.v1 import audit_pb2

    with connection.audit() as audit:
        records = audit.Search(audit_pb2.SearchAuditRequest(**narrowed)).records
    _show([_as_data(record) for record in records], output)
    return 0


def _explain(connection: Connection, request_id: str, output: Output) -> int:
    from tollhouse.proto.admin.v1 import audit_pb2

    with connection.audit() as audit:
        told = audit.Explain(audit_pb2.ExplainAuditRequest(request_id=request_id))
    records = [_as_data(record) for record in told.records]
    made = _as_data(told.configuration) if told.HasField("configuration") else None
    if output is not Output.TABLE:
        render.data({"records": records, "configuration": made}, output)
        return 0
    columns = ("rule", "action", "direction", "path", "role", "trust", "score", "pack_version", "value_digest")
    rows = [[str(record["event"].get(name, "") or "") for name in columns] for record in records]
    render.table(columns, rows, "nothing was decided about this request; is its id right, and is it long ago?")
    if records:
        event = records[0]["event"]
        status = event.get("status", "")
        render.out().print(
            render.plain(
                f"{event.get('time', '')}: {event.get('consumer') or 'unknown'} at {event.get('client_ip', '')}, "
                f"route {event.get('route') or '-'}, model {event.get('model') or '-'}, status {status}, node "
                f"{event.get('node', '')}"
            )
        )
    if made is not None:
        told_of = f"revision {made['revision']}, {made['rule']} {made['action']} by {made['actor']} at {made['time']}"
        render.out().print(render.plain(f"configuration: {told_of}"))
    return 0


def _verify(connection: Connection, output: Output) -> int:
    from tollhouse.proto.admin.v1 import audit_pb2

    with connection.audit() as audit:
        told = audit.Verify(audit_pb2.VerifyAuditRequest(), timeout=600.0)
    chains = [
        {"chain": one.chain, "lines": one.lines, "sealed": one.sealed, "problems": list(one.problems)}
        for one in told.chains
    ]
    if output is not Output.TABLE:
        render.data({"whole": told.whole, "seals": told.seals, "key": told.key, "chains": chains}, output)
        return 0 if told.whole else 1
    rows = [[one["chain"], str(one["lines"]), str(one["sealed"]), "; ".join(one["problems"][:5])] for one in chains]
    render.table(("CHAIN", "LINES", "SEALED", "PROBLEMS"), rows, "the audit trail is empty")
    key = "" if told.key else ", without the operator's key: line seals were not checked"
    state = "whole" if told.whole else "NOT WHOLE"
    render.out().print(f"{state}; {told.seals} periodic seals checked{key}")
    return 0 if told.whole else 1


def _export(connection: Connection, from_ms: int) -> int:
    from tollhouse.proto.admin.v1 import audit_pb2

    with connection.audit() as audit:
        for piece in audit.Export(audit_pb2.ExportAuditRequest(from_ms=from_ms)):
            sys.stdout.buffer.write(piece.lines)
    sys.stdout.buffer.flush()
    return 0


def _as_data(record: Any) -> dict[str, Any]:
    event = msgspec.json.decode(record.event)
    names = ("chain", "seq", "kind", "request_id", "actor", "address", "route", "model", "rule", "action")
    told = {name: getattr(record, name) for name in names}
    return {"time": event.get("time", ""), **told, "shadow": record.shadow, "revision": record.revision, "event": event}


def _show(records: list[dict[str, Any]], output: Output) -> None:
    if output is not Output.TABLE:
        render.data(records, output)
        return
    rows = [[str(record[name]) for name in COLUMNS] for record in records]
    render.table(COLUMNS, rows, "nothing was decided or changed")
