"""ai-aws-content-moderation: asks AWS Comprehend how toxic a request and its answer are. APISIX's plugin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field
from tollhouse.dataplane.engine.sigv4 import AwsKey, sign
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.guarding.outside import Moderator, Ruling, Said, Unjudged, address_of, call, texts_of
from tollhouse.dataplane.guarding.refusing import refusal
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig, Secret
from tollhouse.dataplane.records.verdicts import Verdict, add_verdict
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage

Category = Literal["PROFANITY", "HATE_SPEECH", "INSULT", "HARASSMENT_OR_ABUSE", "SEXUAL", "VIOLENCE_OR_THREAT"]
Share = float
SEGMENTS = 10
SEGMENT_BYTES = 1000
"""What Comprehend takes per call, and per segment (1 KB)."""


class Comprehend(PluginConfig):
    """The account."""

    access_key_id: Secret = Field(min_length=1)
    """AWS access key."""
    secret_access_key: Secret = Field(min_length=1)
    """Its secret."""
    region: str = Field(min_length=1)
    """AWS region."""
    endpoint: str | None = Field(default=None, pattern=r"^https?://")
    """Where it is not the region's own."""
    ssl_verify: bool = True
    """Check the certificate."""


class AwsModerationConfig(PluginConfig):
    """APISIX's fields."""

    comprehend: Comprehend
    """The account that is asked."""
    moderation_categories: dict[Category, Share] = {}
    """Score of a category above which a request is refused, 0 to 1."""
    moderation_threshold: float = Field(default=0.5, ge=0, le=1)
    """Toxicity above which a request is refused."""
    check_request: bool = True
    """Judge requests."""
    check_response: bool = False
    """Judge answers, their text, reasoning and calls."""
    request_check_roles: tuple[Literal["user", "tool", "system", "assistant"], ...] = Field(
        default=("user", "tool", "system", "assistant"), min_length=1
    )
    """Whose words are judged."""
    request_check_mode: Literal["all", "last"] = "all"
    """The whole conversation, or what came after the model's last answer."""
    request_check_length_limit: int = Field(default=1000, ge=1, le=1000)
    """Bytes of one segment; longer texts are cut into several."""
    response_check_length_limit: int = Field(default=1000, ge=1, le=1000)
    """Bytes of one segment of an answer."""
    stream_check_mode: Literal["final_packet", "realtime"] = "final_packet"
    """Hold a streamed answer back until all of it was judged (APISIX shows it meanwhile), or let it go in pieces."""
    stream_check_cache_size: int = Field(default=128, ge=1, le=100_000)
    """With ``realtime``: characters of a piece."""
    stream_check_interval: float = Field(default=3, ge=0, le=60)
    """With ``realtime``: seconds after which less than that is judged, too."""
    deny_code: int = Field(default=200, ge=200, le=599)
    """Status of a refusal; 200 is an answer as of a model that declines."""
    deny_message: str | None = None
    """What the caller is told instead of the category."""
    fail_open: bool = False
    """Ours: let pass when Comprehend gives no verdict."""
    timeout: int = Field(default=10_000, ge=1, le=60_000)
    """Milliseconds."""


class AiAwsContentModeration(Plugin[AwsModerationConfig]):
    """Texts go to Comprehend in pieces of 1 KB, ten a call, before anything goes to a provider."""

    name: ClassVar[str] = "ai-aws-content-moderation"
    stage: ClassVar[Stage] = Stage.GUARD
    priority: ClassVar[int] = 1031
    Config: ClassVar[type[PluginConfig]] = AwsModerationConfig
    needs_document: ClassVar[bool] = True

    def __init__(
        self, config: AwsModerationConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._moderator = Moderator(services.clock)
        if config.check_response:
            realtime = config.stream_check_mode == "realtime"
            self.answer_batch = config.stream_check_cache_size if realtime else 0
            self.answer_interval_s = config.stream_check_interval if realtime else 0.0
        account = config.comprehend
        url = account.endpoint or f"https://comprehend.{account.region}.amazonaws.com"
        self._origin, self._target = address_of(url, verify=account.ssl_verify)
        self._counted = services.metrics.counter(
            "tollhouse_guard_verdicts_total", "What guards decided.", ("rule_group", "action", "direction")
        )

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """Shares are between 0 and 1."""
        assert isinstance(config, AwsModerationConfig)
        return [
            f"moderation_categories.{name}: expected 0 to 1, came {share}"
            for name, share in config.moderation_categories.items()
            if not 0 <= share <= 1
        ]

    async def request(self, ex: Exchange) -> Reply | None:
        """Raises ClientError for what is too toxic, unless the refusal is an answer."""
        config = self.config
        if ex.protocol is not None and ex.protocol.opaque and ex.protocol.stored(ex.method, ex.path):
            return None if config.fail_open else self._refuse(ex, "nobody can look into what a provider keeps")
        if not config.check_request or ex.document is None or ex.protocol is None:
            return None
        try:
            said = texts_of(ex.document, config.request_check_roles, last=config.request_check_mode == "last")
            ruling = await self._moderator.ask(said, self._judge_request) if said else Ruling(False)
        except (Unjudged, ValueError, RecursionError) as error:
            failure = error.failure if isinstance(error, Unjudged) else "unparsable"
            self._tell(ex, f"comprehend/{failure}", "flag" if config.fail_open else "block", "input")
            return None if config.fail_open else self._refuse(ex, "the request could not be judged")
        if not ruling.flagged:
            return None
        self._tell(ex, f"comprehend/{ruling.categories[0]}", "block", "input")
        return self._refuse(ex, f"request body exceeds {ruling.categories[0]} threshold")

    async def answer(self, ex: Exchange, text: str) -> None:
        """Raises AnswerRefused for what is too toxic, and for what could not be judged unless ``fail_open``."""
        config = self.config
        try:
            ruling = await self._moderator.ask([Said("assistant", text)], self._judge_answer)
        except Unjudged as error:
            self._tell(ex, f"comprehend/{error.failure}", "flag" if config.fail_open else "block", "output")
            if config.fail_open:
                return
            raise refusal(ex, config.deny_message or "the answer could not be judged", config.deny_code) from None
        if ruling.flagged:
            self._tell(ex, f"comprehend/{ruling.categories[0]}", "block", "output")
            told = config.deny_message or f"response body exceeds {ruling.categories[0]} threshold"
            raise refusal(ex, told, config.deny_code)

    async def _judge_request(self, said: Sequence[Said]) -> Ruling:
        return await self._judge(said, self.config.request_check_length_limit)

    async def _judge_answer(self, said: Sequence[Said]) -> Ruling:
        return await self._judge(said, self.config.response_check_length_limit)

    async def _judge(self, said: Sequence[Said], limit: int) -> Ruling:
        pieces = [piece for one in said for piece in cut(one.text, limit)]
        for at in range(0, len(pieces), SEGMENTS):
            answer = await self._ask(pieces[at : at + SEGMENTS])
            results = answer.get("ResultList") if isinstance(answer, dict) else None
            if not isinstance(results, list) or not results or not all(isinstance(one, dict) for one in results):
                raise Unjudged("unparsable", "Comprehend's answer has no ResultList")
            for result in results:
                over = self._over(result)
                if over:
                    return Ruling(True, (over,))
        return Ruling(False)

    def _over(self, result: dict[str, Any]) -> str:
        toxicity = result.get("Toxicity")
        if not isinstance(toxicity, int | float):
            raise Unjudged("unparsable", "a result of Comprehend has no Toxicity")
        labels = result.get("Labels")
        scores = {one.get("Name"): one.get("Score") for one in labels if isinstance(one, dict)} if labels else {}
        for name, limit in self.config.moderation_categories.items():
            score = scores.get(name, 0)
            if not isinstance(score, int | float):
                raise Unjudged("unparsable", f"the score of {name} is no number")
            if score > limit:
                return str(name)
        return "toxicity" if toxicity > self.config.moderation_threshold else ""

    async def _ask(self, pieces: list[str]) -> Any:
        account, secrets = self.config.comprehend, self.services.secrets
        body = msgspec.json.encode({"LanguageCode": "en", "TextSegments": [{"Text": piece} for piece in pieces]})
        try:
            key = AwsKey(
                secrets.reveal(account.access_key_id),
                secrets.reveal(account.secret_access_key),
                account.region,
                "comprehend",
            )
        except GatewayError:
            raise Unjudged("error", "the AWS key is not available") from None
        headers = {
            "host": self._origin.host if self._origin.port in (80, 443) else f"{self._origin.host}:{self._origin.port}",
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": "Comprehend_20171127.DetectToxicContent",
        }
        signed = sign(key, "POST", self._target, headers, body, self.services.clock.time())
        timeout_s = self.config.timeout / 1000
        return await call(
            self.services.transport, self._origin, self._target, [*headers.items(), *signed], body, timeout_s
        )

    def _tell(self, ex: Exchange, rule: str, action: str, direction: str) -> None:
        add_verdict(ex, Verdict(self.name, rule, "moderation.aws", action, direction))
        self._counted("moderation.aws", action, direction).add()

    def _refuse(self, ex: Exchange, reason: str) -> Reply | None:
        refused = refusal(ex, self.config.deny_message or reason, self.config.deny_code)
        if refused.reply is None:
            raise refused
        return refused.reply


def cut(text: str, limit: int) -> Iterator[str]:
    """Pieces of at most so many bytes, no character cut in two."""
    at, raw = 0, text.encode("utf-8", "replace")
    while at < len(raw):
        end = min(at + min(limit, SEGMENT_BYTES), len(raw))
        while end < len(raw) and end > at + 1 and raw[end] & 0xC0 == 0x80:
            end -= 1
        yield raw[at:end].decode("utf-8", "replace")
        at = end
