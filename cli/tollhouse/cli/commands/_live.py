"""Waiting until every node serves a revision."""

from __future__ import annotations

import time
from typing import Any

from tollhouse.cli import render
from tollhouse.cli.failure import NOT_LIVE, Failure


def wait(config: Any, revision: int, timeout_s: float) -> tuple[int, float]:
    """Returns (nodes, seconds it took). Raises Failure that names the nodes that lag."""
    from tollhouse.proto.admin.v1 import config_pb2

    begun = time.perf_counter()
    with render.err().status(f"waiting until every node serves revision {revision}"):
        request = config_pb2.WaitLiveRequest(revision=revision, timeout_ms=int(timeout_s * 1000))
        answer = config.WaitLive(request, timeout=timeout_s + 5)
    if not answer.live:
        late = ", ".join(answer.laggards) or "no node is registered"
        raise Failure(
            f"written at revision {revision}, but not live within {timeout_s:g} s on: {late}",
            "gatewayctl nodes shows why",
            NOT_LIVE,
        )
    refused = [f"{one.kind}/{one.id} on {node.id}: {one.reason}" for node in answer.nodes for one in node.refused]
    for line in refused:
        render.err().print(f"[yellow]warning:[/] a node refuses {render.plain(line)}")
    return len(answer.nodes), time.perf_counter() - begun
