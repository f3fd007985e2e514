"""Active health checks of targets, whether they stand on a route or in the catalogue: one checker for each probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tollhouse.dataplane.dispatch.plain.health import HealthChecker, Probed
from tollhouse.dataplane.dispatch.setup.probed import Probe
from tollhouse.dataplane.services import Services

KEPT_ON_S = 60.0
"""Of what does not stand in the catalogue: probing begins with the first request that might go there, as in APISIX, and
goes on for so long after the last one."""
REMEMBERED_S = 3600.0
"""For so long after that what was found counts, until probing begins again."""


@dataclass(slots=True)
class _Watched:
    checker: HealthChecker
    asked_s: float


class Probes:
    """What the probes of one worker say."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._watched: dict[str, _Watched] = {}
        self._kept: set[str] = set()

    def keep(self, probes: Mapping[str, Probe]) -> None:
        """By key, those of the catalogue: probed from now on, whether or not anybody asks, and no others of it."""
        self._kept = set(probes)
        for probe in probes.values():
            self.healthy(probe)

    def healthy(self, probe: Probe) -> bool:
        """Whether a request may go there; it is probed from now on."""
        now = self._services.clock.monotonic()
        watched = self._watched.get(probe.key)
        if watched is None:
            self._forget(now)
            watched = self._watched[probe.key] = self._watch(probe, now)
        watched.asked_s = now
        watched.checker.start()
        return watched.checker.healthy(probe.name)

    def said(self, probe: Probe | None) -> str:
        """``healthy`` or ``unhealthy`` for people; empty where nothing is probed now."""
        watched = self._watched.get(probe.key) if probe is not None else None
        if probe is None or watched is None or not watched.checker.running:
            return ""
        return "healthy" if watched.checker.healthy(probe.name) else "unhealthy"

    def _watch(self, probe: Probe, now: float) -> _Watched:
        nodes = {probe.name: Probed(probe.name, probe.origin)}
        label = f"target {probe.name}"

        def wanted() -> bool:
            return probe.key in self._kept or self._services.clock.monotonic() - watched.asked_s < KEPT_ON_S

        checker = HealthChecker(nodes, probe.check, None, self._services, label, wanted=wanted)
        watched = _Watched(checker, now)
        return watched

    def _forget(self, now: float) -> None:
        """Whoever left the configuration, or changed there, long ago."""
        for key in [
            key for key, one in self._watched.items() if now - one.asked_s > REMEMBERED_S and key not in self._kept
        ]:
            del self._watched[key]
