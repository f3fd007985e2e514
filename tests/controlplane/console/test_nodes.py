"""A node that does not answer is named with the reason; the others are told all the same."""

from __future__ import annotations

from tollhouse.controlplane.console.nodes import Nodes
from tollhouse.proto.fleet import NodeRegistration


class Fleet:
    """A node nobody listens for."""

    async def nodes(self) -> tuple[NodeRegistration, ...]:
        return (NodeRegistration("a", "h", "1", "127.0.0.1:1", "", 0.0, 1, 1, 0),)


async def test_silence_is_told_as_such() -> None:
    """With gRPC's own word for it."""
    nodes = Nodes(Fleet(), "key")  # type: ignore[arg-type]
    answers, failed = await nodes.numbers(())
    assert answers == {}
    assert failed["a"].startswith("unavailable")
    assert (await nodes.set_target("gpt", "open"))[1].keys() == {"a"}
    await nodes.close()
