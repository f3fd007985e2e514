"""What a node says of itself: in the fleet, to probes, and to whoever asks its API."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tollhouse.dataplane.config.objects import ConfigSource
from tollhouse.dataplane.runtime.counts.authority import Authority
from tollhouse.dataplane.runtime.listeners import reachable_address
from tollhouse.dataplane.runtime.node.breakers import NodeBreakers
from tollhouse.dataplane.runtime.node.config_state import ConfigState
from tollhouse.dataplane.runtime.node.crew import Crew
from tollhouse.dataplane.settings import Settings, own_hostname
from tollhouse.proto.fleet import NodeRegistration, RefusedObject


class NodeReport:
    """Reads the supervisor's parts; changes nothing."""

    def __init__(
        self,
        settings: Settings,
        node_id: str,
        state: ConfigState,
        crew: Crew,
        authority: Authority,
        source: ConfigSource,
    ) -> None:
        self.node_id = node_id
        self.state = state
        self.crew = crew
        self.authority = authority
        self.source = source
        self.breakers = NodeBreakers(crew, Path(settings.state_dir) / "targets.json")
        self.draining = False
        self.http_address = ""
        self.https_address = ""
        self.grpc_address = ""
        self.control_address = ""
        self._settings = settings
        self._hostname = own_hostname(settings)
        self._started_at = time.time()

    @property
    def applied_revision(self) -> int:
        """The revision every serving worker includes; 0 while none serves."""
        applied = [worker.applied.revision for worker in self.crew.serving if worker.applied is not None]
        return min(applied, default=0)

    @property
    def config_age_s(self) -> float:
        """Seconds since the source was last heard of."""
        return max(0.0, time.monotonic() - self.source.last_heard_s)

    @property
    def refused(self) -> tuple[RefusedObject, ...]:
        """Objects the workers could not take; all workers find the same."""
        newest = max(
            (worker.applied for worker in self.crew.serving if worker.applied is not None),
            key=lambda applied: applied.revision,
            default=None,
        )
        return () if newest is None else newest.refused

    def objects(self) -> dict[str, int]:
        """How many objects of each kind are served."""
        for worker in self.crew.serving:
            if worker.applied is not None:
                return worker.applied.objects
        return {}

    def not_ready_reason(self) -> str:
        """Why no traffic should be sent here; empty when it should."""
        if self.draining:
            return "draining"
        if not self.state.known:
            return "no configuration yet: etcd was not reached and there is no copy on disk"
        if not self.crew.serving:
            return "no worker serves yet"
        return ""

    def readiness(self) -> dict[str, Any]:
        """The body of ``/readyz``. A stale configuration does not make a node unready: serving on is the point of
        keeping it; the age says how stale."""
        reason = self.not_ready_reason()
        unreachable = self.authority.unreachable
        return {
            "ready": not reason,
            "reason": reason,
            "node": self.node_id,
            "config": {
                "revision": self.state.revision,
                "applied_revision": self.applied_revision,
                "source": self.state.source,
                "age_s": round(self.config_age_s, 3),
                "refused": len(self.refused),
            },
            "workers": {"wanted": self.crew.size, "serving": len(self.crew.serving), "restarts": self.crew.restarts},
            "counters": {"reachable": not unreachable, "unreachable": unreachable},
            "draining": self.draining,
        }

    def registration(self) -> NodeRegistration:
        """What stands in etcd for this node."""
        return NodeRegistration(
            id=self.node_id,
            hostname=self._hostname,
            version=version("tollhouse"),
            grpc_address=reachable_address(self.grpc_address, self._hostname) if self.grpc_address else "",
            http_address=reachable_address(self.http_address, self._hostname) if self.http_address else "",
            started_at=self._started_at,
            workers=self.crew.size,
            workers_alive=len(self.crew.serving),
            applied_revision=self.applied_revision,
            source=self.state.source,
            refused=self.refused,
            draining=self.draining,
        )
