"""Audit trails as the files nodes write, and as exports: checked and searched without any server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from tollhouse.cli import render
from tollhouse.proto.audit_chain import Verifier


def verify_files(paths: list[Path], key: bytes) -> int:
    """The exit status: 1 when something is wrong in one of them. An export holds several chains, one after another."""
    broken = False
    for path in paths:
        verifier, place, lines, sealed, chains = Verifier(key), 0, 0, 0, 1
        problems = []
        for line in path.read_bytes().splitlines():
            place += 1
            if not line.strip():
                continue
            if lines and _begins(line):
                sealed, chains, verifier = sealed + verifier.sealed, chains + 1, Verifier(key)
            problems += [f"line {place}: {problem}" for problem in verifier.line(line)]
            lines += 1
        sealed += verifier.sealed
        seals = f"{sealed} seals checked" if key else "seals not checked: TOLLHOUSE_SEALING_KEY is not set"
        state = f"{len(problems)} problems" if problems else "whole"
        several = f" in {chains} chains" if chains > 1 else ""
        render.out().print(f"{render.plain(path)}: {lines} records{several}, {state}, {seals}")
        for problem in problems[:20]:
            render.out().print(f"  {render.plain(problem)}")
        broken = broken or bool(problems)
    return 1 if broken else 0


def _begins(line: bytes) -> bool:
    try:
        record = msgspec.json.decode(line)
        return record["seq"] == 1 and set(record["prev"]) == {"0"}
    except (ValueError, KeyError, TypeError):
        return False


def search_files(paths: list[Path], narrowed: dict[str, str]) -> int:
    """Show the events that fit."""
    columns = ("time", "request_id", "actor", "route", "rule", "action", "direction", "path", "status")
    rows = [
        [str(event.get(name, "")) for name in columns]
        for path in paths
        for event in _events(path)
        if _fits(event, narrowed)
    ]
    render.table(columns, rows, "nothing was decided")
    return 0


def _fits(event: dict[str, Any], narrowed: dict[str, str]) -> bool:
    rule = str(event.get("rule", ""))
    if not rule.startswith(narrowed["rule"]):
        return False
    return all(not narrowed[name] or event.get(name) == narrowed[name] for name in ("request_id", "actor", "kind"))


def _events(path: Path) -> list[dict[str, Any]]:
    found = []
    for line in path.read_bytes().splitlines():
        try:
            event = msgspec.json.decode(line)["event"]
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(event, dict):
            kind = "permission" if str(event.get("rule", "")).startswith("permission/") else "verdict"
            found.append({"kind": kind, "actor": event.get("consumer", ""), **event})
    return found
