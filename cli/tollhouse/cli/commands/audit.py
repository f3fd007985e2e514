"""Reads the audit trails of nodes: are they whole, what is in them, what was decided about a request."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from tollhouse.cli import render
from tollhouse.cli.failure import USAGE, Failure
from tollhouse.proto.audit_chain import seal_key, verify


class Action(StrEnum):
    """What to do with the files."""

    VERIFY = "verify"
    SEARCH = "search"
    EXPLAIN = "explain"


def run(
    action: Annotated[Action, typer.Argument(help="verify the chain, search, or explain one request")],
    files: Annotated[list[Path], typer.Argument(help="audit files, or folders of them (<state folder>/audit)")],
    request: Annotated[str, typer.Option(help="only this request id; explain needs it")] = "",
    consumer: Annotated[str, typer.Option(help="only this consumer")] = "",
    rule: Annotated[str, typer.Option(help="only rules that begin so")] = "",
) -> int:
    """Verify, search or explain audit trails. Seals are checked with the key in TOLLHOUSE_SEALING_KEY, if it is set."""
    paths = [path for file in files for path in (sorted(file.glob("*.jsonl")) if file.is_dir() else [file])]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing or not paths:
        raise Failure(f"no audit file: {', '.join(missing) or files[0]}", code=USAGE)
    if action is Action.VERIFY:
        return _verify(paths)
    if action is Action.EXPLAIN and not request:
        raise Failure("explain needs --request", "the id is in the reply's x-tollhouse-request-id", USAGE)
    wanted = {"request_id": request, "consumer": consumer}
    events = [event for path in paths for event in _events(path)]
    found = [
        event
        for event in events
        if all(not value or event.get(name) == value for name, value in wanted.items())
        and str(event.get("rule", "")).startswith(rule)
    ]
    columns = ("time", "request_id", "consumer", "route", "rule", "action", "direction", "path", "status")
    render.table(columns, [[event.get(name, "") for name in columns] for event in found], "nothing was decided")
    return 0


def _verify(paths: list[Path]) -> int:
    key = seal_key(os.environ.get("TOLLHOUSE_SEALING_KEY", ""))
    broken = False
    for path in paths:
        with path.open("rb") as file:
            told = verify(file, key)
        seals = f"{told.sealed} seals checked" if key else "seals not checked: TOLLHOUSE_SEALING_KEY is not set"
        state = f"{len(told.problems)} problems" if told.problems else "whole"
        render.out().print(f"{render.plain(path)}: {told.lines} records, {state}, {seals}")
        for problem in told.problems[:20]:
            render.out().print(f"  {render.plain(problem)}")
        broken = broken or bool(told.problems)
    return 1 if broken else 0


def _events(path: Path) -> list[dict[str, Any]]:
    found = []
    for line in path.read_bytes().splitlines():
        try:
            event = msgspec.json.decode(line)["event"]
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(event, dict):
            found.append(event)
    return found
