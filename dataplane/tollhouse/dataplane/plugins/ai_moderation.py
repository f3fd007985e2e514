"""ai-moderation: asks a judge outside what is said: an HTTP service, OpenAI's moderations, a guard model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field
from tollhouse.dataplane.dispatch.side_questions import SideQuestions, Unpaid
from tollhouse.dataplane.errors import ClientError, GatewayError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.guarding import judges
from tollhouse.dataplane.guarding.outside import (
    Failure,
    Moderator,
    Ruling,
    Said,
    Unjudged,
    address_of,
    call,
    read_json,
    texts_of,
)
from tollhouse.dataplane.guarding.refusing import AnswerRefused, refusal_reply
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig, Secret
from tollhouse.dataplane.records.verdicts import Verdict, add_verdict
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage

OPENAI = "https://api.openai.com/v1/moderations"

OnFailure = Literal["block", "allow"]


class ModerationConfig(PluginConfig):
    """Who judges, what is shown to them, and what happens when they do not answer."""

    judge: Literal["http", "openai", "model"]
    """``http``: the contract of docs/security.md; ``openai``: OpenAI's moderation endpoint; ``model``: a guard model of
    the catalogue."""
    endpoint: str = ""
    """Address of the judge; for ``openai`` only where it is not OpenAI itself."""
    auth_header: Secret | None = None
    """The authorization header sent along."""
    model: str = ""
    """For ``model`` its name in the catalogue, asked as agents' requests are: with its fallbacks, on the caller's
    budgets; for ``openai`` the moderation model."""
    categories: dict[str, float] = {}
    """For ``openai``: flag only by the scores of these, from these values on."""
    direction: Literal["input", "output", "both"] = "input"
    """Judge requests, answers, or both. Of an answer its text, reasoning and calls are shown to the judge."""
    batch_chars: int = Field(default=0, ge=0, le=100_000)
    """A streamed answer is let go in pieces of so many characters, each judged with a little of what stood before; 0
    holds it back until all of it was judged."""
    roles: tuple[Literal["user", "tool", "system", "assistant"], ...] = Field(default=("user", "tool"), min_length=1)
    """Whose words are shown to the judge."""
    history: Literal["new", "all"] = "new"
    """Only what came after the model's last answer, or the whole conversation."""
    action: Literal["block", "flag"] = "block"
    """Refuse what is flagged, or only tell."""
    timeout_ms: int = Field(default=1000, ge=10, le=60_000)
    """The whole call."""
    on_timeout: OnFailure = "block"
    """When the judge takes too long."""
    on_error: OnFailure = "block"
    """When it cannot be reached, answers with an error, or failed five times in a row (then for ten seconds)."""
    on_unparsable: OnFailure = "block"
    """When its answer is none."""
    ssl_verify: bool = True
    """Check the judge's certificate."""
    as_refusal: bool = False
    """Answer as a model that declines, with 200, instead of an error."""
    message: str = Field(default="This request was declined by the content moderation of the gateway.", min_length=1)
    """What the caller is told."""
    answer_message: str = Field(
        default="The answer was withheld by the content moderation of the gateway.", min_length=1
    )
    """What the caller is told instead of an answer."""


class AiModeration(Plugin[ModerationConfig]):
    """Waits for the judge before anything goes to a provider, and before anything of an answer goes to the client. The
    same texts are judged once per worker."""

    name: ClassVar[str] = "ai-moderation"
    stage: ClassVar[Stage] = Stage.GUARD
    priority: ClassVar[int] = 1032
    Config: ClassVar[type[PluginConfig]] = ModerationConfig
    needs_document: ClassVar[bool] = True

    def __init__(
        self, config: ModerationConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._moderator = Moderator(services.clock)
        if config.direction != "input":
            self.answer_batch = config.batch_chars
        self._address = None
        self._questions = SideQuestions(services, config.model) if config.judge == "model" else None
        if config.judge != "model":
            self._address = address_of(config.endpoint or OPENAI, verify=config.ssl_verify)
        self._counted = services.metrics.counter(
            "tollhouse_guard_verdicts_total", "What guards decided.", ("rule_group", "action", "direction")
        )

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """Each judge needs its own fields."""
        assert isinstance(config, ModerationConfig)
        problems = []
        if config.judge == "http" and not config.endpoint:
            problems.append("endpoint: the judge http needs an address")
        if config.judge == "openai" and not config.endpoint and not config.auth_header:
            problems.append("auth_header: OpenAI wants a key; give one like 'Bearer $env://OPENAI_API_KEY'")
        if config.judge == "model" and not config.model:
            problems.append("model: name the guard model of the catalogue")
        if config.judge == "model" and (config.endpoint or config.auth_header):
            problems.append("endpoint, auth_header: a guard model has those of its provider; leave them out")
        if config.batch_chars and (config.direction == "input" or config.action == "flag"):
            problems.append("batch_chars: only answers that may be blocked are held back; leave it out")
        if config.judge != "openai" and config.categories:
            problems.append("categories: only the judge openai has scores")
        if config.endpoint:
            try:
                address_of(config.endpoint)
            except ValueError as error:
                problems.append(f"endpoint: {error}")
        return problems

    async def request(self, ex: Exchange) -> Reply | None:
        """Raises ClientError 400 for what is flagged, and for what could not be judged unless that is allowed."""
        if ex.protocol is not None and ex.protocol.opaque and ex.protocol.stored(ex.method, ex.path):
            return self._unjudged(ex, "unparsable")  # nobody can look into what a provider keeps
        if ex.document is None or ex.protocol is None or self.config.direction == "output":
            return None
        config = self.config
        try:
            said = texts_of(ex.document, config.roles, last=config.history == "new")
            if not said:
                return None
            ruling = await self._moderator.ask(said, lambda told: self._judge(ex, told, "input"))
        except Unjudged as error:
            return self._unjudged(ex, error.failure)
        except (ValueError, RecursionError):
            return self._unjudged(ex, "unparsable")
        if not ruling.flagged:
            return None
        self._tell(ex, _rule(ruling), config.action, "input")
        return self._refuse(ex, "content_blocked") if config.action == "block" else None

    async def answer(self, ex: Exchange, text: str) -> None:
        """Raises AnswerRefused for what is flagged, and for what could not be judged unless that is allowed."""
        said = [Said("assistant", text)]
        try:
            ruling = await self._moderator.ask(said, lambda told: self._judge(ex, told, "output"))
        except Unjudged as error:
            if self._lets(ex, error.failure, "output"):
                return
            raise self._withheld(ex, "guard_unjudged") from None
        if not ruling.flagged:
            return
        self._tell(ex, _rule(ruling), self.config.action, "output")
        if self.config.action == "block":
            raise self._withheld(ex, "content_blocked")

    def _withheld(self, ex: Exchange, code: str) -> AnswerRefused:
        message = self.config.answer_message
        refused = AnswerRefused(400, code, message, apisix_body={"message": message})
        refused.reply = refusal_reply(ex, message) if self.config.as_refusal else None
        return refused

    async def _judge(self, ex: Exchange, said: Sequence[Said], direction: str) -> Ruling:
        config, timeout_s = self.config, self.config.timeout_ms / 1000
        if config.judge == "model":
            return await self._by_model(ex, said, timeout_s)
        assert self._address is not None
        headers = [("content-type", "application/json")]
        if config.auth_header:
            try:
                headers.append(("authorization", self.services.secrets.reveal_header(config.auth_header)))
            except GatewayError:
                raise Unjudged("error", "the judge's key is not available") from None
        if config.judge == "openai":
            body = judges.openai_request(said, config.model or "omni-moderation-latest")
            answer = await call(self.services.transport, *self._address, headers, body, timeout_s)
            return judges.read_openai(answer, config.categories)
        route = ex.route.id if ex.route is not None else ""
        body = judges.contract_request(said, direction, ex.id, ex.consumer_name, route, ex.peek.model)
        return judges.read_contract(await call(self.services.transport, *self._address, headers, body, timeout_s))

    async def _by_model(self, ex: Exchange, said: Sequence[Said], timeout_s: float) -> Ruling:
        assert self._questions is not None
        try:
            raw = await self._questions.ask(ex, judges.model_request(said, self.config.model), timeout_s)
        except TimeoutError:
            raise Unjudged("timeout", "the guard model took too long") from None
        except Unpaid as unpaid:
            raise unpaid.error from None
        except GatewayError as error:
            raise Unjudged("error", error.message) from None
        return judges.read_model(read_json(raw))

    def _unjudged(self, ex: Exchange, failure: Failure) -> Reply | None:
        return None if self._lets(ex, failure, "input") else self._refuse(ex, "guard_unjudged")

    def _lets(self, ex: Exchange, failure: Failure, direction: str) -> bool:
        """Whether what could not be judged passes."""
        chosen = {
            "timeout": self.config.on_timeout,
            "error": self.config.on_error,
            "unparsable": self.config.on_unparsable,
        }[failure]
        block = chosen == "block" and self.config.action == "block"
        self._tell(ex, f"moderation/{failure}", "block" if block else "flag", direction)
        return not block

    def _tell(self, ex: Exchange, rule: str, action: str, direction: str) -> None:
        add_verdict(ex, Verdict(self.name, rule, "moderation.outside", action, direction))
        self._counted("moderation.outside", action, direction).add()

    def _refuse(self, ex: Exchange, code: str) -> Reply | None:
        if self.config.as_refusal:
            reply = refusal_reply(ex, self.config.message)
            if reply is not None:
                return reply
        raise ClientError(400, code, self.config.message, apisix_body={"message": self.config.message})


def _rule(ruling: Ruling) -> str:
    return f"moderation/{ruling.categories[0] if ruling.categories else 'flagged'}"[:120]
