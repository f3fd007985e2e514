"""Tells notifiers of events, in the background, with retries. One per node, in the supervisor."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import aiohttp
from tollhouse.dataplane.engine.notices import alert_event, event_of, rendered
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.runtime.node.config_state import ConfigState
from tollhouse.dataplane.runtime.node.mailing import send_mail
from tollhouse.dataplane.services import Secrets
from tollhouse.dataplane.spending import Alert, Crossing
from tollhouse.proto import resources
from tollhouse.proto.resources import Notifier
from tollhouse.proto.resources.notifier import PAGERDUTY

log = logging.getLogger("tollhouse.notifiers")

PAUSES_S = (0.5, 2.0, 8.0, 30.0)
"""Between tries; the last one is before giving up."""
LONGEST_RETRY_AFTER_S = 60.0
TIMEOUT_S = 10.0
MOST_WAITING = 1000
AT_ONCE = 8
AGAIN_S = 3600.0
"""An alert about the same is not told again for so long."""
MOST_REMEMBERED = 10_000


class Notifying:
    """Lives as long as the supervisor."""

    def __init__(self, state: ConfigState, secrets: Secrets, node_id: str) -> None:
        self._state = state
        self._secrets = secrets
        self._node_id = node_id
        self._running: set[asyncio.Task[None]] = set()
        self._alerted: dict[tuple[str, str], float] = {}
        """What was told, and when."""
        self._turns = asyncio.Semaphore(AT_ONCE)
        self.sent = 0
        self.given_up = 0

    def crossed(self, crossing: Crossing) -> None:
        """A threshold was reached, for the first time in its window."""
        self._tell(event_of(crossing, self._node_id, time.time()))

    def alert(self, alert: Alert) -> None:
        """Something people should know of; told once an hour."""
        now = time.monotonic()
        name = (alert.event, alert.subject)
        if now - self._alerted.get(name, -AGAIN_S) < AGAIN_S:
            return
        if len(self._alerted) >= MOST_REMEMBERED:
            self._alerted.clear()
        self._alerted[name] = now
        log.warning("alert: %s", alert.text, extra={"event": alert.event, "subject": alert.subject})
        self._tell(alert_event(alert, self._node_id, time.time()))

    def asked(self, approval: Any, link: str) -> None:
        """An approval was opened: whoever may decide it gets the link."""
        scope = approval.key.partition("|")[2].replace("|", ", ")
        text = (
            f"Approval {approval.id}: {approval.context.consumer or 'somebody'} needs up to {approval.needed} "
            f"{approval.unit} of the budget {approval.budget}{f' ({scope})' if scope else ''}, {approval.used} "
            f"of {approval.limit} of which are used. Grant more, or deny it: gatewayctl approvals show {approval.id}."
        )
        context = approval.context
        details = {
            "approval": approval.id,
            "scope": scope,
            "unit": approval.unit,
            "used": approval.used,
            "limit": approval.limit,
            "needed": approval.needed,
            "suggested": approval.suggested,
            "consumer": context.consumer,
            "model": context.model,
            "session": context.session,
            "held": context.held,
            "expires_at": approval.expires_at,
            **({"link": link} if link else {}),
        }
        alert = Alert("approval_requested", f"approval {approval.id}", text, approval.budget, details)
        self._tell(alert_event(alert, self._node_id, time.time(), approval.id))

    def _tell(self, event: dict[str, Any]) -> None:
        """Whoever wants to know."""
        for name, notifier in self._notifiers():
            wanted = not notifier.events or event["event"] in notifier.events
            about = not notifier.budgets or event.get("budget") in notifier.budgets
            if wanted and about and event.get("percent", 100) >= notifier.at_least:
                self._begin(name, notifier, event)

    def _notifiers(self) -> list[tuple[str, Notifier]]:
        found: list[tuple[str, Notifier]] = []
        for raw in self._state.of_kind("notifiers"):
            try:
                found.append((raw.id, resources.parse("notifiers", raw.value, raw.id)))
            except ValueError as error:
                log.error("notifier not used: %s", error, extra={"notifier": raw.id})
        return found

    def _begin(self, name: str, notifier: Notifier, event: dict[str, Any]) -> None:
        if len(self._running) >= MOST_WAITING:
            self.given_up += 1
            log.error("notice dropped: %d wait already", MOST_WAITING, extra={"notifier": name})
            return
        task = asyncio.get_running_loop().create_task(self._deliver(name, notifier, event))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _deliver(self, name: str, notifier: Notifier, event: dict[str, Any]) -> None:
        problem = ""
        for pause_s in (*PAUSES_S, None):
            async with self._turns:
                problem, wait_s, final = await self._post(notifier, event)
            if not problem:
                self.sent += 1
                return
            if final or pause_s is None:
                break
            await asyncio.sleep(max(pause_s, wait_s))
        self.given_up += 1
        log.error("notice not delivered: %s", problem, extra={"notifier": name, "delivery": event["delivery"]})

    async def _post(self, notifier: Notifier, event: dict[str, Any]) -> tuple[str, float, bool]:
        """(what went wrong, seconds to wait before another try, another try cannot help)."""
        try:
            url = self._secrets.reveal(notifier.url) if notifier.url else PAGERDUTY
            secret = self._secrets.reveal(notifier.secret) if notifier.secret else ""
            key = self._secrets.reveal(notifier.routing_key) if notifier.routing_key else ""
            password = self._secrets.reveal(notifier.password) if notifier.password else ""
        except GatewayError as error:
            return error.message, 0.0, True
        if notifier.type == "smtp":
            return await asyncio.to_thread(send_mail, notifier, url, password, event)
        body, headers = rendered(notifier.type, event, secret, time.time(), key)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.post(url, data=body, headers=headers, allow_redirects=False) as reply,
            ):
                status, after = reply.status, reply.headers.get("retry-after", "")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return f"it cannot be reached ({type(error).__name__})", 0.0, False  # the address is a secret
        if 200 <= status < 300:
            return "", 0.0, True
        wait_s = min(float(after), LONGEST_RETRY_AFTER_S) if after.isdecimal() else 0.0
        return f"it answered with {status}", wait_s, status not in (408, 425, 429) and status < 500

    async def test(self, name: str) -> str:
        """Send a test event now; what went wrong, empty when nothing did. Raises KeyError for an unknown notifier."""
        notifier = dict(self._notifiers())[name]
        crossing = Crossing("test", "test", int(time.time()), 100, 100, 100, "requests")
        event = event_of(crossing, self._node_id, time.time())
        event |= {"event": "test", "text": "This is a test of a Tollhouse notifier."}
        problem, _, _ = await self._post(notifier, event)
        return problem

    async def close(self) -> None:
        """Give what is under way a moment."""
        if self._running:
            _, pending = await asyncio.wait(list(self._running), timeout=2.0)
            for task in pending:
                task.cancel()
