"""Active health checks of an AI plugin's instances, each with a checker of its own (APISIX)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tollhouse.dataplane.dispatch.plain.health import HealthChecker, Probed
from tollhouse.dataplane.dispatch.setup.instances import Instances
from tollhouse.dataplane.services import Services
from tollhouse.proto.resources.upstream import ActiveCheck

if TYPE_CHECKING:
    from tollhouse.dataplane.plugin import Place


class InstanceProbes:
    """The checkers of one plugin. Probing begins with the first request, when addresses are known."""

    def __init__(self, checks: Mapping[str, ActiveCheck], services: Services, place: Place) -> None:
        self._checks = checks
        self._services = services
        self._place = place
        self._checkers: dict[str, HealthChecker] = {}

    def start(self, instances: Instances) -> None:
        """Begin; further calls do nothing."""
        if len(self._checkers) == len(self._checks):
            return
        for name, check in self._checks.items():
            endpoint = instances.endpoint(name)
            if name in self._checkers or endpoint is None:
                continue
            probed = {name: Probed(name, endpoint.origin)}
            checker = HealthChecker(probed, check, None, self._services, f"{self._place} instance {name}")
            self._checkers[name] = checker
            checker.start()

    def healthy(self, name: str) -> bool:
        """What the probes say; healthy without any."""
        checker = self._checkers.get(name)
        return checker is None or checker.healthy(name)

    def stop(self) -> None:
        """Probe no more."""
        for checker in self._checkers.values():
            checker.stop()
