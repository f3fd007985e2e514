"""A node that counts budgets for others: its authority and its gRPC port, without the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from tollhouse.dataplane.runtime.counts.budget_authority import BudgetAuthority
from tollhouse.dataplane.runtime.counts.budget_report import BudgetService
from tollhouse.dataplane.runtime.counts.counting_for_others import CountingForOthers
from tollhouse.dataplane.runtime.node.config_state import ConfigState
from tollhouse.proto.admin.v1 import spend_pb2_grpc


@dataclass
class CountingNode:
    """While the block runs."""

    address: str
    authority: BudgetAuthority


@asynccontextmanager
async def counting_node(folder: Path, *, serves: bool = True, port: int = 0) -> AsyncIterator[CountingNode]:
    """Listens on a free port."""
    authority = BudgetAuthority(str(folder), "n")
    authority.open()
    notifying: Any = None
    service = BudgetService(ConfigState(), authority, notifying, CountingForOthers(authority, serves=serves))
    server = grpc.aio.server()
    spend_pb2_grpc.add_BudgetServiceServicer_to_server(service, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield CountingNode(f"127.0.0.1:{port}", authority)
    finally:
        await server.stop(0.2)
        await authority.close()
