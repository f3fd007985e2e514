"""What may be asked of the audit trail, and the records that answer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.ext.asyncio import AsyncConnection
from tollhouse.controlplane.audit.lines import event_of
from tollhouse.controlplane.audit.schema import FOUND_BY, lines

MOST = 1000
"""Records of one page."""

EXACT = ("kind", "request_id", "actor", "action", "route", "model", "node")


@dataclass(frozen=True, slots=True)
class Question:
    """Which records; what is empty does not narrow."""

    request_id: str = ""
    actor: str = ""
    rule: str = ""
    """The beginning of its name."""
    kind: str = ""
    action: str = ""
    route: str = ""
    model: str = ""
    node: str = ""
    text: str = ""
    """Found anywhere in the line."""
    from_ms: int = 0
    to_ms: int = 0
    limit: int = 100
    before: int = 0
    """``next`` of the page before."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line, taken apart."""

    id: int
    chain: str
    seq: int
    at_ms: int
    kind: str
    request_id: str
    actor: str
    address: str
    route: str
    model: str
    rule: str
    action: str
    node: str
    shadow: bool
    revision: int
    hash: str
    event: dict[str, Any]


_COLUMNS = [lines.c[name] for name in ("id", "chain", "seq", "at_ms", *FOUND_BY, "shadow", "revision", "hash", "line")]


async def search(connection: AsyncConnection, question: Question) -> tuple[list[Record], int]:
    """A page, the newest first, and where the next one begins (0: there is none)."""
    limit = max(1, min(question.limit or 100, MOST))
    statement = select(*_COLUMNS).where(*_narrowed(question)).order_by(lines.c.id.desc()).limit(limit + 1)
    found = [_record(row) for row in await connection.execute(statement)]
    return found[:limit], found[limit - 1].id if len(found) > limit else 0


async def explain(connection: AsyncConnection, request_id: str) -> tuple[list[Record], Record | None]:
    """What was decided about a request, in order, and the change that made the configuration it ran with."""
    statement = select(*_COLUMNS).where(lines.c.request_id == request_id).order_by(lines.c.id).limit(MOST)
    found = [_record(row) for row in await connection.execute(statement)]
    if not found:
        return [], None
    newest = max(found, key=lambda record: record.revision)
    earlier = (lines.c.revision <= newest.revision, lines.c.revision > 0, lines.c.at_ms <= newest.at_ms)
    ordered = select(*_COLUMNS).order_by(lines.c.at_ms.desc(), lines.c.id.desc())
    statement = ordered.where(lines.c.kind == "admin", *earlier).limit(1)
    made = [_record(row) for row in await connection.execute(statement)]
    return found, made[0] if made else None


def _narrowed(question: Question) -> list[ColumnElement[bool]]:
    conditions = [lines.c[name] == getattr(question, name) for name in EXACT if getattr(question, name)]
    if question.rule:
        conditions.append(lines.c.rule.startswith(question.rule, autoescape=True))
    if question.text:
        conditions.append(lines.c.line.contains(question.text, autoescape=True))
    if question.from_ms:
        conditions.append(lines.c.at_ms >= question.from_ms)
    if question.to_ms:
        conditions.append(lines.c.at_ms < question.to_ms)
    if question.before:
        conditions.append(lines.c.id < question.before)
    return conditions


def _record(row: Row[Any]) -> Record:
    told = row._asdict()
    return Record(event=event_of(told.pop("line")), **told)
