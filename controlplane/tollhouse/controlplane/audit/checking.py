"""Are the chains whole: each line's digest, seal, number and predecessor, and the ends that periodic seals named."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from tollhouse.controlplane.audit.ends import Ends
from tollhouse.controlplane.audit.lines import ADMIN_CHAIN, event_of, row_of
from tollhouse.controlplane.audit.schema import lines
from tollhouse.proto.audit_chain import Verifier

MOST_PROBLEMS = 100
"""Problems of one chain that are told."""


@dataclass(slots=True)
class CheckedChain:
    """What a check of one chain found."""

    chain: str
    lines: int = 0
    sealed: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Checked:
    """What a check of all chains found."""

    chains: list[CheckedChain] = field(default_factory=list)
    seals: int = 0
    """Periodic seals whose named ends were looked for."""
    key: bool = False

    def chain(self, name: str) -> CheckedChain:
        """The chain of a name, also one of which nothing is left."""
        for one in self.chains:
            if one.chain == name:
                return one
        self.chains.append(CheckedChain(name))
        return self.chains[-1]

    @property
    def whole(self) -> bool:
        """Nothing was changed, removed, inserted, swapped or cut off."""
        return not any(chain.problems for chain in self.chains)


async def check(connection: AsyncConnection, key: bytes, written_down: Ends = MappingProxyType({})) -> Checked:
    """Read everything once, chain by chain; what seals and a note elsewhere name as ends must be there."""
    told = Checked(key=bool(key))
    ends: list[tuple[str, int, str]] = []
    verifier: Verifier | None = None
    current: CheckedChain | None = None
    statement = select(lines).order_by(lines.c.chain, lines.c.seq)
    async for row in await connection.stream(statement):
        chain, line = row.chain, row.line
        if current is None or current.chain != chain:
            current = CheckedChain(chain)
            told.chains.append(current)
            verifier = Verifier(key)
        assert verifier is not None
        problems = verifier.line(line.encode()) or _hidden(row)
        current.lines += 1
        current.sealed = verifier.sealed
        current.problems += problems[: MOST_PROBLEMS - len(current.problems)]
        event = event_of(line) if not problems and chain == ADMIN_CHAIN else {}
        if event.get("kind") == "seal":
            told.seals += 1
            ends += [(name, seq, digest) for name, (seq, digest) in event.get("ends", {}).items()]
    await _look_for(connection, told, "a seal", ends)
    named = [(name, seq, digest) for name, (seq, digest) in written_down.items()]
    await _look_for(connection, told, "the note in etcd", [one for one in named if one not in ends])
    return told


def _hidden(row: Any) -> list[str]:
    """What a good line is found by must be what it says."""
    try:
        meant = row_of(row.chain, row.line.encode())
    except ValueError:
        return ["no line of an audit trail"]
    wrong = [name for name, value in meant.items() if getattr(row, name) != value]
    return [f"line {row.seq}: the database says another {', '.join(sorted(wrong))} than the line"] if wrong else []


async def _look_for(connection: AsyncConnection, told: Checked, who: str, ends: list[tuple[str, int, str]]) -> None:
    """What was named as the end of a chain must still be there."""
    for name, seq, digest in dict.fromkeys(ends):
        found = await connection.execute(select(lines.c.hash).where(lines.c.chain == name, lines.c.seq == seq))
        if found.scalar() == digest:
            continue
        chain = told.chain(name)
        if len(chain.problems) < MOST_PROBLEMS:
            chain.problems.append(f"line {seq}, which {who} names, is missing or another one")
