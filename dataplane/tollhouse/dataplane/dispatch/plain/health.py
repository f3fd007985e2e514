"""Health of a group of nodes: active probes in the background, passive judgement by real traffic."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tollhouse.dataplane.engine.health import NodeHealth
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.transport import Origin, Timeouts, TransportError, UpstreamRequest
from tollhouse.proto.resources.upstream import ActiveCheck, PassiveCheck

log = logging.getLogger("tollhouse.health")

_MAX_PROBE_BODY = 1 << 20


@dataclass(frozen=True, slots=True)
class Probed:
    """One node and how it is reached."""

    name: str
    origin: Origin
    host_header: str = ""


class HealthChecker:
    """Watches the nodes of one upstream or plugin. Probing begins with the first request, as in APISIX, and ends with
    ``stop``. One per worker."""

    def __init__(
        self,
        nodes: Mapping[str, Probed],
        active: ActiveCheck | None,
        passive: PassiveCheck | None,
        services: Services,
        label: str,
        previous: HealthChecker | None = None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """``wanted``: probing pauses when this is no longer so, until somebody starts it again."""
        self._nodes = dict(nodes)
        self._active = active
        self._passive = passive
        self._services = services
        self._label = label
        known = previous._health if previous is not None else {}
        self._health: dict[str, NodeHealth] = {name: known.get(name) or NodeHealth() for name in nodes}
        self._wanted = wanted
        self._running = False
        self._stopped = False

    def healthy(self, name: str) -> bool:
        """Whether the node may be chosen; nodes that are not watched always may."""
        node = self._health.get(name)
        return node is None or node.healthy

    @property
    def running(self) -> bool:
        """Whether it probes."""
        return self._running and not self._stopped

    def status(self) -> dict[str, NodeHealth]:
        """By node, for status pages."""
        return dict(self._health)

    def start(self) -> None:
        """Begin probing; further calls do nothing."""
        if self._active is None or self._running or self._stopped:
            return
        self._running = True
        self._services.spawn(self._watch(), f"health of {self._label}")

    def stop(self) -> None:
        """Probe no more."""
        self._stopped = True

    # -- passive

    def observe_status(self, name: str, status: int) -> None:
        """Real traffic got this answer."""
        check, node = self._passive, self._health.get(name)
        if check is None or node is None or check.type == "tcp":
            return
        if status in check.unhealthy.http_statuses:
            self._told(name, node.failure("http_failure", check.unhealthy.http_failures))
        elif status in check.healthy.http_statuses:
            self._told(name, node.success(check.healthy.successes))

    def observe_error(self, name: str, *, timed_out: bool) -> None:
        """Real traffic got no answer."""
        check, node = self._passive, self._health.get(name)
        if check is None or node is None:
            return
        if timed_out:
            self._told(name, node.failure("timeout", check.unhealthy.timeouts))
        else:
            self._told(name, node.failure("tcp_failure", check.unhealthy.tcp_failures))

    # -- active

    async def _watch(self) -> None:
        """Probe every node at the interval its present state asks for."""
        check = self._active
        assert check is not None
        gate = asyncio.Semaphore(check.concurrency)
        clock = self._services.clock
        due = dict.fromkeys(self._nodes, 0.0)
        while not self._stopped and self._wanted():
            now = clock.monotonic()
            ready = [name for name, at in due.items() if at <= now]
            await asyncio.gather(*(self._probe(name, gate) for name in ready))
            for name in ready:
                interval = check.healthy.interval if self._health[name].healthy else check.unhealthy.interval
                due[name] = now + interval
            await clock.sleep(max(0.02, min(due.values()) - clock.monotonic()))
        self._running = False

    async def _probe(self, name: str, gate: asyncio.Semaphore) -> None:
        check, node = self._active, self._health[name]
        assert check is not None
        async with gate:
            try:
                status = await asyncio.wait_for(self._ask(self._nodes[name], check), check.timeout)
            except TimeoutError:
                self._told(name, node.failure("timeout", check.unhealthy.timeouts))
                return
            except (TransportError, OSError) as error:
                timed_out = isinstance(error, TransportError) and error.timed_out
                if timed_out:
                    self._told(name, node.failure("timeout", check.unhealthy.timeouts))
                else:
                    self._told(name, node.failure("tcp_failure", check.unhealthy.tcp_failures))
                return
        if status == 0 or status in check.healthy.http_statuses:
            self._told(name, node.success(check.healthy.successes))
        elif status in check.unhealthy.http_statuses:
            self._told(name, node.failure("http_failure", check.unhealthy.http_failures))

    async def _ask(self, node: Probed, check: ActiveCheck) -> int:
        """The status of a probe; 0 for a connection that stood."""
        origin = node.origin
        port = check.port or origin.port
        if check.type == "tcp":
            _, writer = await asyncio.open_connection(origin.host, port)
            writer.close()
            return 0
        secure = check.type == "https"
        target = Origin("https" if secure else "http", origin.host, port, verify=check.https_verify_certificate)
        lines = (line.partition(":") for line in check.req_headers or ())
        headers = [(name.strip().lower(), value.strip()) for name, _, value in lines]
        host = check.host or node.host_header
        if host and not any(name == "host" for name, _ in headers):
            headers.append(("host", host))
        timeouts = Timeouts(check.timeout, check.timeout, check.timeout, check.timeout)
        request = UpstreamRequest(check.http_method, target, check.http_path, headers, b"", timeouts)
        response = await self._services.transport.send(request)
        try:
            await response.read(_MAX_PROBE_BODY)
            return response.status
        finally:
            response.close()

    def _told(self, name: str, changed: bool) -> None:
        if changed:
            state = "healthy" if self._health[name].healthy else "unhealthy"
            log.warning("node changed health", extra={"upstream": self._label, "node": name, "state": state})
