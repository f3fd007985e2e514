"""Ordinary routes: the request goes to a node of the upstream as it came, and the answer comes back as it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tollhouse.dataplane.dispatch.choosing.hash_key import hash_key
from tollhouse.dataplane.dispatch.plain.health import HealthChecker, Probed
from tollhouse.dataplane.dispatch.plain.nodes import NodeSet, UpstreamNode
from tollhouse.dataplane.dispatch.plain.proxying import ProxiedBody, proxied_target, reply_headers, request_headers
from tollhouse.dataplane.errors import ClientError, UpstreamError
from tollhouse.dataplane.exchange import Attempt
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.transport import Origin, Timeouts, TransportError, UpstreamRequest
from tollhouse.dataplane.variables import BodyNeeded

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.plugin import Place

_NOT_TWICE = frozenset({"POST", "PATCH", "LOCK"})
"""Methods that are not sent again once the server may have read them (nginx)."""

_SMALL = 1 << 20
"""Request bodies up to this are read whole, so that they can be sent again."""

_WHOLE_REPLY = 64 << 10
"""Answers with a known length up to this are read whole: one write to the client."""


class UpstreamDispatcher:
    """One upstream as compiled. Replaced when its resource changes; the new one takes over what was learned."""

    def __init__(
        self, resource: Any, place: Place, services: Services, previous: UpstreamDispatcher | None = None
    ) -> None:
        self.resource = resource
        self.place = place
        self._services = services
        self.nodes: NodeSet = NodeSet(resource, previous.nodes if previous is not None else None)
        self._key = hash_key(resource.hash_on, resource.key) if resource.type == "chash" else None
        checks = resource.checks
        self.health: HealthChecker | None = None
        if checks is not None:
            probed = {
                node.name: Probed(node.name, node.origin, resource.upstream_host or node.host_header)
                for node in self.nodes.nodes.values()
            }
            kept = previous.health if previous is not None else None
            self.health = HealthChecker(probed, checks.active, checks.passive, services, str(place), kept)

    async def close(self) -> None:
        """The last snapshot with this upstream is gone."""
        if self.health is not None:
            self.health.stop()

    async def dispatch(self, ex: Exchange) -> Reply:
        """Send it on, with retries on other nodes as configured. Raises UpstreamError when none could be reached."""
        _refuse_upgrades(ex)
        if self.health is not None:
            self.health.start()
        body = await _body(ex)
        order = await self._order(ex)
        if not order:
            raise UpstreamError(503, "no_node", f"The upstream {self.place} has no node with a weight.")
        clock = self._services.clock
        started = clock.monotonic()
        tries = 1 + (len(order) - 1 if self.resource.retries is None else self.resource.retries)
        error: TransportError | None = None
        for number in range(tries):
            node = order[number % len(order)]
            try:
                return await self._try(ex, node, body)
            except TransportError as broken:
                error = broken
                if not _may_try_again(ex, broken, body):
                    break
            patience = self.resource.retry_timeout
            if patience and clock.monotonic() - started >= patience:
                break
        assert error is not None
        raise _to_error(error)

    async def _order(self, ex: Exchange) -> list[UpstreamNode]:
        key = ""
        if self._key is not None:
            try:
                key = self._key(ex)
            except BodyNeeded:
                ex.body = await ex.read_body()
                key = self._key(ex)
        health = self.health
        healthy = health.healthy if health is not None else lambda name: True
        return self.nodes.order(healthy, key, self._services.luck.random())

    async def _try(self, ex: Exchange, node: UpstreamNode, body: bytes | _Once) -> Reply:
        clock = self._services.clock
        attempt = Attempt(node.name, "", "", "", clock.monotonic())
        ex.attempts.append(attempt)
        headers = request_headers(ex, self.resource, node)
        request = UpstreamRequest(
            ex.upstream_method or ex.method,
            self._revealed(node.origin),
            proxied_target(ex),
            headers,
            body,
            _timeouts(ex, self.resource),
        )
        node.in_flight += 1
        try:
            response = await self._services.transport.send(request)
            now = attempt.first_byte_s = clock.monotonic()
            attempt.status = response.status
            node.took(now - attempt.started_s)
            if self.health is not None:
                self.health.observe_status(node.name, response.status)
            reply = Reply(response.status, reply_headers(response.headers))
            length = response.header("content-length")
            if (
                ex.method == "HEAD"
                or response.status in (204, 304)
                or ((length or "").isdigit() and int(length or "0") <= _WHOLE_REPLY)
            ):
                try:
                    reply.body = await response.read(_WHOLE_REPLY)
                finally:
                    response.close()
                self._ended(node, attempt)
            else:
                reply.stream = ProxiedBody(response, lambda: self._ended(node, attempt))
            return reply
        except TransportError as error:
            kind = "timeout" if error.timed_out else "connect"
            attempt.failure = UpstreamFailure("next", kind, 0, error.message)
            if self.health is not None:
                self.health.observe_error(node.name, timed_out=error.timed_out)
            self._ended(node, attempt)
            raise
        except BaseException:
            self._ended(node, attempt)
            raise

    def _revealed(self, origin: Origin) -> Origin:
        """With the client certificate's key in the clear."""
        if not origin.client_key:
            return origin
        secrets = self._services.secrets
        return replace(
            origin, client_cert=secrets.reveal(origin.client_cert), client_key=secrets.reveal(origin.client_key)
        )

    def _ended(self, node: UpstreamNode, attempt: Attempt) -> None:
        if attempt.ended_s is None:
            attempt.ended_s = self._services.clock.monotonic()
            node.in_flight -= 1


class _Once(AsyncIterator[bytes]):
    """A streamed request body, which can be sent only once."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self.begun = False

    async def __anext__(self) -> bytes:
        self.begun = True
        return await self._pieces.__anext__()


async def _body(ex: Exchange) -> bytes | _Once:
    if ex.body is not None:
        return ex.body
    length = ex.headers.get("content-length")
    if ex.open_body is None or (length is not None and length.isdigit() and int(length) <= _SMALL):
        ex.body = await ex.read_body()
        return ex.body
    return _Once(ex.open_body())


def _may_try_again(ex: Exchange, error: TransportError, body: bytes | _Once) -> bool:
    if isinstance(body, _Once) and body.begun:
        return False
    return not (error.request_sent and (ex.upstream_method or ex.method) in _NOT_TWICE)


def _timeouts(ex: Exchange, resource: Any) -> Timeouts:
    """The route's own timeouts before the upstream's, 60 s each by default (APISIX)."""
    own = getattr(ex.route.resource, "timeout", None) if ex.route is not None else None
    timeout = own or resource.timeout
    if timeout is None:
        return Timeouts(60.0, 60.0, 60.0, 60.0)
    return Timeouts(timeout.connect, timeout.read, timeout.read, timeout.send)


def _refuse_upgrades(ex: Exchange) -> None:
    if ex.method == "CONNECT" or ex.headers.get("upgrade"):
        raise ClientError(
            501,
            "upgrade_not_supported",
            "This gateway proxies plain HTTP requests; WebSocket and CONNECT are not served.",
        )


def _to_error(error: TransportError) -> UpstreamError:
    if error.timed_out:
        return UpstreamError(
            504,
            "upstream_timeout",
            "The upstream did not answer in time.",
            apisix_body={"error_msg": "504 Gateway Timeout"},
        )
    return UpstreamError(
        502, "upstream_unreachable", "The upstream could not be reached.", apisix_body={"error_msg": "502 Bad Gateway"}
    )
