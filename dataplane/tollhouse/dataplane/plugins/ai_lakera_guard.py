"""ai-lakera-guard: asks Lakera Guard about what a request and its answer say. APISIX's plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field
from tollhouse.dataplane.errors import ClientError, GatewayError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.guarding.outside import Moderator, Ruling, Said, Unjudged, address_of, call, texts_of
from tollhouse.dataplane.guarding.refusing import AnswerRefused, refusal
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig, Secret
from tollhouse.dataplane.records.verdicts import Verdict, add_verdict
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage

ROLES = ("user", "tool", "system", "assistant")


class LakeraConfig(PluginConfig):
    """APISIX's fields."""

    api_key: Secret = Field(min_length=1)
    """Lakera's key."""
    lakera_endpoint: str = "https://api.lakera.ai/v2/guard"
    """Where Lakera is asked."""
    project_id: str | None = None
    """Which policy of Lakera's applies."""
    direction: Literal["input", "output", "both"] = "input"
    """What is judged. A streamed answer is held back until all of it was."""
    action: Literal["block", "alert"] = "block"
    """Refuse what is flagged, or only tell."""
    fail_open: bool = False
    """Let pass when Lakera gives no verdict."""
    fail_mode: Literal["skip", "warn", "error"] = "error"
    """What happens to a body that holds nothing to judge: refused (the default; APISIX's own is ``skip``), passed and
    told, or passed."""
    timeout: int = Field(default=5000, ge=1, le=60_000)
    """Milliseconds."""
    ssl_verify: bool = True
    """Check Lakera's certificate."""
    reveal_failure_categories: bool = False
    """Tell the caller which detectors fired."""
    deny_code: int = Field(default=200, ge=200, le=599)
    """Status of a refusal; 200 is an answer as of a model that declines."""
    request_failure_message: str = Field(default="Request blocked by security guard", min_length=1)
    """What the caller is told."""
    response_failure_message: str = Field(default="Response blocked by security guard", min_length=1)
    """What the caller is told instead of an answer."""


class AiLakeraGuard(Plugin[LakeraConfig]):
    """The conversation goes to Lakera with its roles before anything goes to a provider."""

    name: ClassVar[str] = "ai-lakera-guard"
    stage: ClassVar[Stage] = Stage.GUARD
    priority: ClassVar[int] = 1028
    Config: ClassVar[type[PluginConfig]] = LakeraConfig
    needs_document: ClassVar[bool] = True

    def __init__(
        self, config: LakeraConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._moderator = Moderator(services.clock)
        if config.direction != "input":
            self.answer_batch = 0
        self._address = address_of(config.lakera_endpoint, verify=config.ssl_verify)
        self._counted = services.metrics.counter(
            "tollhouse_guard_verdicts_total", "What guards decided.", ("rule_group", "action", "direction")
        )

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """The endpoint must be an address."""
        assert isinstance(config, LakeraConfig)
        problems = []
        try:
            address_of(config.lakera_endpoint)
        except ValueError as error:
            problems.append(f"lakera_endpoint: {error}")
        return problems

    async def request(self, ex: Exchange) -> Reply | None:
        """Raises ClientError for what is flagged, unless the refusal is an answer."""
        if ex.protocol is not None and ex.protocol.opaque and ex.protocol.stored(ex.method, ex.path):
            return None if self.config.fail_open else self._refuse(ex, ())  # nobody can look into it
        if ex.document is None or ex.protocol is None or self.config.direction == "output":
            return None
        try:
            said = texts_of(ex.document, ROLES, last=False)
        except (ValueError, RecursionError):
            said = []
        if not said:
            if self.config.fail_mode == "error":
                raise ClientError(400, "guard_unjudged", "The request holds nothing the guard of this route can judge.")
            if self.config.fail_mode == "warn":
                self._tell(ex, "lakera/nothing-to-judge", "flag", "input")
            return None
        try:
            ruling = await self._moderator.ask(said, self._judge)
        except Unjudged as error:
            self._tell(ex, f"lakera/{error.failure}", "flag" if self.config.fail_open else "block", "input")
            return None if self.config.fail_open else self._refuse(ex, ())
        if not ruling.flagged:
            return None
        alert = self.config.action == "alert"
        self._tell(ex, _rule(ruling), "flag" if alert else "block", "input")
        return None if alert else self._refuse(ex, ruling.categories)

    async def answer(self, ex: Exchange, text: str) -> None:
        """Raises AnswerRefused for what is flagged, and for what could not be judged unless ``fail_open``."""
        try:
            ruling = await self._moderator.ask([Said("assistant", text)], self._judge)
        except Unjudged as error:
            self._tell(ex, f"lakera/{error.failure}", "flag" if self.config.fail_open else "block", "output")
            if self.config.fail_open:
                return
            raise self._withheld(ex, ()) from None
        if ruling.flagged:
            alert = self.config.action == "alert"
            self._tell(ex, _rule(ruling), "flag" if alert else "block", "output")
            if not alert:
                raise self._withheld(ex, ruling.categories)

    async def _judge(self, said: Sequence[Said]) -> Ruling:
        body: dict[str, Any] = {
            "messages": [{"role": one.role, "content": one.text} for one in said],
            "breakdown": True,
        }
        if self.config.project_id:
            body["project_id"] = self.config.project_id
        try:
            key = self.services.secrets.reveal(self.config.api_key)
        except GatewayError:
            raise Unjudged("error", "Lakera's key is not available") from None
        headers = [("content-type", "application/json"), ("authorization", f"Bearer {key}")]
        timeout_s = self.config.timeout / 1000
        answer = await call(self.services.transport, *self._address, headers, msgspec.json.encode(body), timeout_s)
        if not isinstance(answer, dict) or not isinstance(answer.get("flagged"), bool):
            raise Unjudged("unparsable", "Lakera's answer does not say whether it is flagged")
        breakdown = answer.get("breakdown")
        fired = [one for one in breakdown if isinstance(one, dict)] if isinstance(breakdown, list) else []
        names = [str(one.get("detector_type", ""))[:80] for one in fired if one.get("detected") is True]
        return Ruling(answer["flagged"], tuple(dict.fromkeys(name for name in names if name)))

    def _tell(self, ex: Exchange, rule: str, action: str, direction: str) -> None:
        add_verdict(ex, Verdict(self.name, rule[:120], "moderation.lakera", action, direction))
        self._counted("moderation.lakera", action, direction).add()

    def _refuse(self, ex: Exchange, categories: tuple[str, ...]) -> Reply | None:
        refused = refusal(ex, self._told(self.config.request_failure_message, categories), self.config.deny_code)
        if refused.reply is None:
            raise refused
        return refused.reply

    def _withheld(self, ex: Exchange, categories: tuple[str, ...]) -> AnswerRefused:
        return refusal(ex, self._told(self.config.response_failure_message, categories), self.config.deny_code)

    def _told(self, message: str, categories: tuple[str, ...]) -> str:
        if self.config.reveal_failure_categories and categories:
            return f"{message}. Flagged categories: {', '.join(categories)}"
        return message


def _rule(ruling: Ruling) -> str:
    return f"lakera/{ruling.categories[0] if ruling.categories else 'flagged'}"[:120]
