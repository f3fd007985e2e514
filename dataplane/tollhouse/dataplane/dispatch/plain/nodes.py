"""The nodes of an ordinary upstream: who they are, how loaded, and in which order they are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tollhouse.dataplane.engine.balance import ConsistentHash, SmoothWeighted, least_loaded, lowest_latency
from tollhouse.dataplane.transport import Origin


class UpstreamNode:
    """One server. Carried over from snapshot to snapshot while its address stays."""

    __slots__ = ("host_header", "in_flight", "latency_s", "name", "origin", "priority", "weight")

    smoothing = 0.2

    def __init__(self, name: str, origin: Origin, host_header: str) -> None:
        self.name = name
        """``host:port``."""
        self.origin = origin
        self.host_header = host_header
        self.weight = 1
        self.priority = 0
        self.in_flight = 0
        self.latency_s = 0.0

    def took(self, seconds: float) -> None:
        """A request got its first byte after so long."""
        self.latency_s += (seconds - self.latency_s) * (self.smoothing if self.latency_s else 1.0)


class NodeSet:
    """All nodes of one upstream and whose turn it is."""

    def __init__(self, resource: Any, previous: NodeSet | None = None) -> None:
        self.type: str = resource.type
        self.nodes: dict[str, UpstreamNode] = {}
        known = previous.nodes if previous is not None else {}
        for item in resource.nodes:
            made = _node(resource, item)
            node = known.get(made.name, made)
            if node.origin != made.origin:
                node = made
            node.weight, node.priority, node.host_header = item.weight, item.priority, made.host_header
            self.nodes[node.name] = node
        self._robins: dict[int, SmoothWeighted] = previous._robins if previous is not None else {}
        self._hashes: dict[tuple[str, ...], ConsistentHash] = {}

    def order(self, healthy: Callable[[str], bool], key: str, luck: float) -> list[UpstreamNode]:
        """Nodes in the order of trying. The unhealthy are left out unless all are (APISIX); higher priorities first."""
        usable = [node for node in self.nodes.values() if node.weight > 0]
        fit = [node for node in usable if healthy(node.name)] or usable
        ordered: list[UpstreamNode] = []
        for priority in sorted({node.priority for node in fit}, reverse=True):
            group = {node.name: node.weight for node in fit if node.priority == priority}
            ordered += [self.nodes[name] for name in self._balanced(group, priority, key, luck)]
        return ordered

    def _balanced(self, group: dict[str, int], priority: int, key: str, luck: float) -> Iterable[str]:
        if len(group) == 1:
            return group
        if self.type == "chash":
            return self._hash(group).order(key)
        if self.type == "least_conn":
            return least_loaded(group, lambda name: self.nodes[name].in_flight)
        if self.type == "ewma":
            return lowest_latency(group, lambda name: self.nodes[name].latency_s, luck)
        return self._robins.setdefault(priority, SmoothWeighted()).order(group)

    def _hash(self, group: dict[str, int]) -> ConsistentHash:
        members = tuple(group)
        made = self._hashes.get(members)
        if made is None:
            if len(self._hashes) > 64:
                self._hashes.clear()
            made = self._hashes[members] = ConsistentHash(group)
        return made


def _node(resource: Any, item: Any) -> UpstreamNode:
    secure = resource.scheme == "https"
    port = item.port or (443 if secure else 80)
    host = item.host.strip("[]")
    shown = f"[{host}]" if ":" in host else host
    tls = resource.tls
    origin = Origin(
        "https" if secure else "http",
        host,
        port,
        verify=bool(tls.verify) if tls is not None else False,
        client_cert=(tls.client_cert or "") if tls is not None else "",
        client_key=(tls.client_key or "") if tls is not None else "",
    )
    default = port == (443 if secure else 80)
    return UpstreamNode(f"{shown}:{port}", origin, shown if default else f"{shown}:{port}")
