"""A node that does not answer is named with the reason; the others are told all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import pytest
from tollhouse.controlplane.console import nodes as module
from tollhouse.controlplane.console.nodes import Nodes
from tollhouse.proto.fleet import NodeRegistration


class Fleet:
    """Nodes nobody listens for."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    async def nodes(self) -> tuple[NodeRegistration, ...]:
        return tuple(NodeRegistration(name, "h", "1", "127.0.0.1:1", "", 0.0, 1, 1, 0) for name in self.names)


async def test_silence_is_told_as_such() -> None:
    """With gRPC's own word for it."""
    nodes = Nodes(Fleet("a"), "key")  # type: ignore[arg-type]
    answers, failed = await nodes.numbers(())
    assert answers == {}
    assert failed["a"].startswith("unavailable")
    assert (await nodes.set_target("gpt", "open"))[1].keys() == {"a"}
    await nodes.close()


async def test_live_requests_follow_nodes_that_come_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was started again, and one that was not there when the page was opened."""
    monkeypatch.setattr(module, "FOLLOW_S", 0.01)
    fleet = Fleet("a")
    nodes = Nodes(fleet, "key")  # type: ignore[arg-type]
    monkeypatch.setattr(nodes, "_stub", lambda node: SimpleNamespace(Tail=lambda *_, **__: one_request(node.id)))

    async def one_request(name: str) -> AsyncIterator[Any]:
        yield SimpleNamespace(entry_json=name.encode(), lost=0)

    async with asyncio.timeout(5), aclosing(nodes.tail(50)) as entries:  # type: ignore[type-var]
        assert [(await anext(entries))[0] for _ in range(2)] == ["a", "a"]
        fleet.names = ["b"]
        while (await anext(entries))[0] != "b":
            pass
    await nodes.close()
