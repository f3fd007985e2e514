"""ai-loop-guard: an agent that asks the very same again and again is running away."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field
from tollhouse.dataplane.counting import caller
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.records.agent_hints import session_of
from tollhouse.dataplane.services import CounterUnavailable, Limit, Services
from tollhouse.dataplane.spending import Alert
from tollhouse.dataplane.stages import Stage

ASKED = ("model", "system", "messages", "input", "contents", "prompt", "instructions")
"""What makes two requests the same; limits, temperature, tools, ids and streaming do not make them different."""


class LoopGuardConfig(PluginConfig):
    """How often the same may be asked."""

    count: int = Field(default=5, ge=1, le=100_000)
    """How often the same request may be sent in a window."""
    time_window: int = Field(default=300, ge=1, le=86_400)
    """Length of the window in seconds; it begins with the first."""
    scope: Literal["session", "consumer"] = "session"
    """Whose requests are compared: those of a session (of a consumer, where none is told), or of a consumer."""
    action: Literal["reject", "alert"] = "reject"
    """``alert`` lets them through. Either way notifiers are told, once an hour."""


class AiLoopGuard(Plugin[LoopGuardConfig]):
    """Counted on the whole node. Where the counts cannot be reached, nothing is refused."""

    name: ClassVar[str] = "ai-loop-guard"
    stage: ClassVar[Stage] = Stage.ADMIT
    priority: ClassVar[int] = 1028
    Config: ClassVar[type[PluginConfig]] = LoopGuardConfig
    needs_document: ClassVar[bool] = True

    def __init__(
        self, config: LoopGuardConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._where = f"ai-loop-guard:{place}"
        self._repeated = services.metrics.counter(
            "tollhouse_repeated_requests_total", "Requests that were sent too often in a row.", ("route", "action")
        )

    async def request(self, ex: Exchange) -> None:
        """Raises ClientError 429 ``request_repeated``."""
        if ex.protocol is None or ex.document is None:
            return
        who, session = caller(ex), session_of(ex) if self.config.scope == "session" else ""
        limit = Limit(f"{self._where}:{_name(who, session, ex)}", self.config.count, self.config.time_window)
        try:
            taken = await self.services.counters.take(limit)
        except CounterUnavailable:
            return
        if taken.allowed:
            return
        route = ex.route.id if ex.route is not None else ""
        self._repeated(route, self.config.action).add()
        self._tell(who, session, ex)
        if self.config.action == "reject":
            raise ClientError(
                429,
                "request_repeated",
                f"The very same request was sent more than {self.config.count} times in {self.config.time_window} "
                "seconds: it looks like a loop. Change the request, or wait.",
                retry_after_s=max(1.0, taken.reset_s),
                headers={"x-should-retry": "false"},
            )

    def _tell(self, who: str, session: str, ex: Exchange) -> None:
        if self.services.alert is None:
            return
        subject = f"{who}/{session}" if session else who
        did = "refused" if self.config.action == "reject" else "let through"
        text = (
            f"{who} sends the very same request again and again{f' in session {session}' if session else ''} "
            f"(more than {self.config.count} times in {self.config.time_window} s); it is {did}."
        )
        details = {"consumer": who, "session": session, "model": ex.peek.model[:256]}
        self.services.alert(Alert("repeated_request", subject[:512], text, "", details))


def _name(who: str, session: str, ex: Exchange) -> str:
    """Of a request and who sends it; the same for requests that ask the same."""
    document = ex.document
    assert document is not None
    asked: dict[str, Any] = {name: document.get(name) for name in ASKED if name in document}
    written = msgspec.json.encode([who, session, asked], order="deterministic")
    return hashlib.blake2b(written, digest_size=16).hexdigest()
