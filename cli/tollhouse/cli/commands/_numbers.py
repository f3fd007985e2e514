"""What the nodes count, read twice, as rates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tollhouse.cli.client import Connection
from tollhouse.cli.failure import Failure

Labels = dict[str, str]


class Numbers:
    """The metrics of all nodes at one moment."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str, tuple[tuple[str, str], ...]], float] = {}
        self.silent: dict[str, str] = {}
        """Nodes that did not answer, and why."""
        self.nodes: list[Any] = []

    @classmethod
    def read(cls, connection: Connection, names: Iterable[str]) -> Numbers:
        """Ask every node of the fleet. Raises Failure when the control plane does not answer."""
        from tollhouse.proto.admin.v1 import config_pb2, node_pb2

        made = cls()
        with connection.fleet() as fleet:
            made.nodes = list(fleet.ListNodes(config_pb2.ListNodesRequest()).nodes)
        request = node_pb2.NumbersRequest(names=tuple(names))
        for node in made.nodes:
            try:
                with connection.node(node.grpc_address) as asked:
                    made._take(node.id, asked.Numbers(request, timeout=5))
            except Failure as error:
                made.silent[node.id] = error.message
        return made

    def _take(self, node: str, answer: Any) -> None:
        for family in answer.families:
            for series in family.series:
                labels = tuple(zip(family.labels, series.labels, strict=True))
                self._series[family.name, node, labels] = series.value

    def sums(self, name: str, by: Callable[[Labels], str], before: Numbers | None = None) -> dict[str, float]:
        """The values of a metric by what ``by`` makes of its labels (empty: left out); what was added since ``before``,
        when that is given."""
        found: dict[str, float] = {}
        for key, value in self._series.items():
            if key[0] != name or not (group := by(dict(key[2]))):
                continue
            old = before._series.get(key, 0.0) if before is not None else 0.0
            found[group] = found.get(group, 0.0) + (value - old if value >= old else value)
        return found

    def by_node(self, name: str) -> dict[str, float]:
        """A gauge without labels, node by node."""
        return {node: value for (metric, node, _), value in self._series.items() if metric == name}

    def most(self, name: str, label: str) -> dict[str, float]:
        """The highest value any node has of a gauge, by one of its labels."""
        found: dict[str, float] = {}
        for (metric, _, labels), value in self._series.items():
            if metric == name:
                key = dict(labels)[label]
                found[key] = max(found.get(key, 0.0), value)
        return found
