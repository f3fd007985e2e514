"""Seal stored secrets anew, after the sealing key was changed."""

from __future__ import annotations

from typing import Annotated

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands import _live
from tollhouse.cli.failure import REFUSED


def run(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option(help="only say what would be sealed anew")] = False,
    timeout: Annotated[float, typer.Option(help="seconds to wait until every node has it")] = 30.0,
) -> int:
    """Seal anew what was sealed with an older key, so that the old key can be taken away: put the new key first in
    TOLLHOUSE_SEALING_KEY of the control planes and nodes (new,old), run this, then remove the old one."""
    from tollhouse.proto.admin.v1 import config_pb2

    connection: Connection = context.obj
    with connection.config() as config:
        done = config.Reseal(config_pb2.ResealRequest(dry_run=dry_run))
        for name in done.changed:
            render.out().print(render.plain(name))
        for name in done.unreadable:
            render.err().print(f"[red]{render.plain(name)}[/]: sealed with a key that is not in TOLLHOUSE_SEALING_KEY")
        for name in done.moved:
            render.err().print(f"{render.plain(name)} was written by somebody else meanwhile; run this again")
        verb = "to be sealed" if dry_run else "sealed"
        render.err().print(f"{len(done.changed)} object{'' if len(done.changed) == 1 else 's'} {verb} anew")
        if done.revision:
            nodes, seconds = _live.wait(config, done.revision, timeout)
            render.err().print(f"live on {nodes} node{'' if nodes == 1 else 's'} after {seconds:.2f} s")
    return REFUSED if done.unreadable or done.moved else 0
