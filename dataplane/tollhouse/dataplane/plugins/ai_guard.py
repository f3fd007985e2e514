"""ai-guard: finds attacks, secrets and personal data in what goes to a model and comes back, and acts on each."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field
from tollhouse.dataplane.chat import Ended, Finished
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.guarding.answer import AnswerGuard
from tollhouse.dataplane.guarding.destinations import strange
from tollhouse.dataplane.guarding.edits import Edit, Unwritable, edit_item, rewrite
from tollhouse.dataplane.guarding.engine import Matcher
from tollhouse.dataplane.guarding.inspector import Finding, Inspector, Looked
from tollhouse.dataplane.guarding.overlap import shingles
from tollhouse.dataplane.guarding.packs import BUILT_IN, PackText, RuleText, built_in, compile_pack
from tollhouse.dataplane.guarding.refusing import refusal_reply
from tollhouse.dataplane.guarding.scoring import THRESHOLDS
from tollhouse.dataplane.guarding.segments import Item, Segment, items_of, segments_of, show_path
from tollhouse.dataplane.guarding.vault import Vault, redaction
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig, Secret
from tollhouse.dataplane.records.verdicts import Verdict, add_verdict, value_digest
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage

Action = Literal["block", "redact", "mask", "flag", "shadow", "off"]
PackName = Literal["injection", "secrets", "personal_data", "exfiltration", "leakage"]

OFF_LOOP = 64 << 10
"""Bytes of unseen text from which scanning moves to a thread."""

_STRICTNESS = {"block": 5, "redact": 4, "mask": 3, "flag": 2, "shadow": 1, "off": 0}
_DEFAULTS: dict[str, dict[str, Action]] = {
    "input": {"injection": "block", "secrets": "redact", "personal_data": "mask", "own": "block"},
    "output": {
        "secrets": "redact",
        "personal_data": "flag",
        "exfiltration": "redact",
        "exfiltration.destination": "flag",
        "leakage": "block",
        "leakage.recital": "flag",
        "own": "block",
    },
}
_DESTINATION = "exfiltration/destination"
_OVERLAP = "leakage/overlap"


class OwnRule(PluginConfig):
    """A rule of the operator's own."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    """Names it in verdicts and under ``actions``, as ``own/<id>``."""
    pattern: str = Field(min_length=1, max_length=4000)
    """A regular expression in RE2's syntax; group 1, where there is one, is the value."""
    keywords: tuple[str, ...] = ()
    """Lower-case words one of which stands in any text the pattern matches: makes it cheap."""
    label: str = Field(default="VALUE", pattern=r"^[A-Z][A-Z0-9_]{0,20}$")
    """Names the value in placeholders."""
    case_sensitive: bool = False
    """Whether upper and lower case differ."""


class Thresholds(PluginConfig):
    """The score from which text counts as an attack, by who said it; 0 never."""

    user: int = Field(default=THRESHOLDS["user"], ge=0)
    """What the user says."""
    untrusted: int = Field(default=THRESHOLDS["untrusted"], ge=0)
    """Tool results and documents."""
    developer: int = Field(default=THRESHOLDS["developer"], ge=0)
    """System prompts: they say such things for good reasons."""
    assistant: int = Field(default=THRESHOLDS["assistant"], ge=0)
    """What the model said before."""


class GuardConfig(PluginConfig):
    """What to look for and what to do about it. The keys of ``actions`` are a pack (``secrets``), a group of it
    (``personal_data.contact``) or one rule (``secrets/aws.secret-key``); the most precise one counts, ``input`` and
    ``output`` before ``actions``."""

    packs: tuple[PackName, ...] = ("injection", "secrets", "personal_data", "exfiltration", "leakage")
    """Rules that come with the gateway."""
    rules: tuple[OwnRule, ...] = Field(default=(), max_length=200)
    """Rules of your own; blocked unless ``actions`` says otherwise."""
    actions: dict[str, Action] = {}
    """``block``, ``redact`` (replaced for good), ``mask`` (replaced on the way out, restored in the answer), ``flag``
    (only told), ``shadow`` (told as what the default would have done), ``off``."""
    input: dict[str, Action] = {}
    """Actions for what goes to the model; ``{"*": "off"}`` looks at answers only."""
    output: dict[str, Action] = {}
    """Actions for what comes back."""
    thresholds: Thresholds = Thresholds()
    """When weighted rules count as an attack."""
    allow: tuple[str, ...] = Field(default=(), max_length=1000)
    """Values that are never reported."""
    canaries: tuple[Secret, ...] = Field(default=(), max_length=100)
    """Strings you put into prompts that must never come back; at least 8 characters each."""
    shadow: bool = False
    """Change and refuse nothing, only tell what would have been done: how to begin."""
    fail_mode: Literal["closed", "open"] = "closed"
    """What happens to a request that cannot be judged within the budget, or not changed as it should be."""
    max_scan_bytes: int = Field(default=4 << 20, gt=0)
    """Bytes of new text one request may bring."""
    max_scan_ms: int = Field(default=2000, gt=0)
    """Milliseconds one request may be looked at."""
    as_refusal: bool = False
    """Answer a blocked request with 200 and finish reason ``content_filter``, as a model that declines, instead of an
    error."""
    message: str = Field(default="This request was blocked by a content rule of the gateway.", min_length=1)
    """What the caller is told."""


@dataclass(slots=True)
class _State:
    """What one exchange keeps between the hooks of one plugin."""

    vault: Vault
    looked: Looked = field(default_factory=Looked)
    answer: AnswerGuard | None = None
    leaked: bool = False
    ended: bool = False


class AiGuard(Plugin[GuardConfig]):
    """Looks at every part of a request with its speaker's trust in mind, remembers the history it has seen, and
    watches answers as they stream."""

    name: ClassVar[str] = "ai-guard"
    stage: ClassVar[Stage] = Stage.GUARD
    priority: ClassVar[int] = 1071
    Config: ClassVar[type[PluginConfig]] = GuardConfig
    needs_document: ClassVar[bool] = True

    def __init__(
        self, config: GuardConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._key = f"{self.name}:{place}"
        packs = [built_in(name) for name in config.packs]
        own = _own_pack(config, [services.secrets.reveal(canary) for canary in config.canaries])
        rules = [rule for pack in [*packs, *([own] if own else [])] for rule in pack.rules]
        self._actions: dict[tuple[str, str], Action] = {}
        self._exfiltration = "exfiltration" in config.packs
        self._leakage = "leakage" in config.packs
        incoming = [one for one in rules if self._action("input", one.id, one.group, one.text.default or "") != "off"]
        outgoing = [one for one in rules if self._action("output", one.id, one.group, one.text.default or "") != "off"]
        thresholds = config.thresholds.model_dump()
        tracked = self._exfiltration and self._action("output", _DESTINATION, "exfiltration.destination", "") != "off"
        self._input = Inspector(Matcher(incoming, "input"), thresholds, config.allow, destinations=tracked)
        self._output = Inspector(Matcher(outgoing, "output"), thresholds, config.allow)
        self._tracked = tracked
        self._counted = services.metrics.counter(
            "tollhouse_guard_verdicts_total", "What guards decided.", ("rule_group", "action", "direction")
        )

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """Own rules must compile, keys of ``actions`` must name something, canaries must be long enough."""
        assert isinstance(config, GuardConfig)
        complaints = []
        try:
            own = _own_pack(config, ["canary-for-check" for _ in config.canaries])
        except ValueError as error:
            return [f"rules: {error}"]
        packs = [built_in(name) for name in BUILT_IN] + ([own] if own else [])
        known = {"*", _DESTINATION, _OVERLAP, "exfiltration.destination", "leakage.overlap", "own", "leakage.canary"}
        for pack in packs:
            known.add(pack.id)
            known |= {name for rule in pack.rules for name in (rule.id, rule.group)}
        for where in ("actions", "input", "output"):
            for name in getattr(config, where):
                if name not in known:
                    complaints.append(
                        f"{where}: {name!r} is no pack, group or rule; write 'secrets', 'personal_data.contact' or "
                        "'secrets/jwt'"
                    )
        for position, canary in enumerate(config.canaries):
            if len(canary) < 8:
                complaints.append(f"canaries[{position}] is shorter than 8 characters and would be found by accident")
        return complaints

    # -- decisions

    def _action(self, direction: str, rule: str, group: str, default: str) -> Action:
        """The most precise choice: rule, group, pack; of the direction before those of both, before the defaults."""
        known = self._actions.get((direction, rule))
        if known is not None:
            return known
        config = self.config
        pack = group.partition(".")[0]
        names = (rule, group, pack, "*")
        chosen: Any = None
        for table in (config.input if direction == "input" else config.output, config.actions):
            chosen = chosen or next((table[name] for name in names if name in table), None)
        if chosen is None:
            defaults = _DEFAULTS[direction]
            chosen = default or next((defaults[name] for name in names if name in defaults), "off")
        self._actions[direction, rule] = chosen
        return chosen  # type: ignore[no-any-return]

    def _decide(self, direction: str, finding: Finding) -> tuple[Action, bool]:
        """What is done, and whether it is only told."""
        action = self._action(direction, finding.rule, finding.group, finding.default)
        if action == "shadow":
            defaults = _DEFAULTS[direction]
            pack = finding.group.partition(".")[0]
            return finding.default or defaults.get(finding.group) or defaults.get(pack, "flag"), True  # type: ignore[return-value]
        return action, self.config.shadow

    def _tell(self, ex: Exchange, verdict: Verdict) -> None:
        add_verdict(ex, verdict)
        if not verdict.repeated or verdict.action == "block":
            action = f"shadow_{verdict.action}" if verdict.shadow else verdict.action
            self._counted(verdict.group, action, verdict.direction).add()

    def _verdict(
        self,
        finding: Finding,
        action: str,
        direction: str,
        segment: Segment,
        path: str,
        shadow: bool,
        repeated: bool = False,
    ) -> Verdict:
        return Verdict(
            self.name,
            finding.rule,
            finding.group,
            action,
            direction,
            path,
            segment.role,
            segment.trust,
            shadow,
            finding.severity,
            finding.score,
            finding.version,
            value_digest(self.services.digest_key, finding.value),
            repeated,
        )

    # -- the request

    async def request(self, ex: Exchange) -> Reply | None:
        """Judge and change the request. Raises ClientError 400 for one that must not pass."""
        document = ex.document
        if document is None:
            return None
        try:
            items = items_of(document)
        except (ValueError, RecursionError):
            return self._unjudged(ex, "it cannot be read")
        looked = await self._look(items)
        state = ex.state[self._key] = _State(Vault(self._nonce(ex, items)), looked)
        if not looked.complete:
            refused = self._unjudged(ex, "it brings more new text than max_scan_bytes or max_scan_ms allow")
            if refused is not None:
                return refused
        blocked: list[tuple[Finding, str]] = []
        edited: dict[tuple[str, int | None], bytes] = {}
        for item, judged, remembered in looked.items:
            if judged.unreadable:
                refused = self._unjudged(ex, f"{item.name} cannot be read")
                if refused is not None:
                    return refused
            changes: dict[int, tuple[Segment, list[Edit]]] = {}
            for segment, finding in judged.findings:
                action, shadow = self._decide("input", finding)
                path = show_path(item, segment.path)
                self._tell(ex, self._verdict(finding, action, "input", segment, path, shadow, remembered))
                if shadow or action in ("flag", "off"):
                    continue
                if action == "block":
                    blocked.append((finding, path))
                else:
                    edits = changes.setdefault(id(segment), (segment, []))[1]
                    edits += self._edits(state.vault, finding, action)
            if changes and not blocked:
                try:
                    texts = [(segment, rewrite(segment, edits)) for segment, edits in changes.values()]
                    edited[item.field, item.place] = edit_item(item, texts)
                except Unwritable:
                    refused = self._unjudged(ex, f"{item.name} holds what must not pass and cannot be changed")
                    if refused is not None:
                        return refused
        if blocked:
            ex.body = _veiled(looked)
            return self._refuse(ex, *blocked[0])
        if edited:
            _write(ex, items, edited)
        return None

    async def _look(self, items: list[Item]) -> Looked:
        config = self.config
        until = self.services.clock.monotonic() + config.max_scan_ms / 1000
        expired: Callable[[], bool] = lambda: self.services.clock.monotonic() > until  # noqa: E731
        if self._input.unseen(items) > OFF_LOOP:
            return await asyncio.to_thread(self._input.look, items, config.max_scan_bytes, expired)
        return self._input.look(items, config.max_scan_bytes, expired)

    def _edits(self, vault: Vault, finding: Finding, action: str) -> list[Edit]:
        if finding.spans:
            return [Edit(start, end, "[removed by the gateway]") for start, end in finding.spans]
        shown = vault.hide(finding.label, finding.value) if action == "mask" else redaction(finding.label)
        return [Edit(finding.start, finding.end, shown)]

    def _nonce(self, ex: Exchange, items: list[Item]) -> str:
        """The same for all turns of one conversation, not to be guessed, and not found in the request."""
        begin = items[0].raw[:4096] if items else b""
        raw = ex.body or b""
        for attempt in range(16):
            told = f"{ex.consumer_name}:{attempt}:".encode() + begin
            nonce = hmac.new(self.services.digest_key, told, hashlib.sha256).hexdigest()[:4]
            if f"_{nonce}_".encode() not in raw.lower():
                break
        return nonce

    def _unjudged(self, ex: Exchange, reason: str) -> Reply | None:
        """A request that could not be judged: by ``fail_mode``."""
        open_ = self.config.fail_mode == "open" or self.config.shadow
        verdict = Verdict(
            self.name,
            "guard/unjudged",
            "guard.unjudged",
            "flag" if open_ else "block",
            "input",
            shadow=self.config.shadow,
        )
        self._tell(ex, verdict)
        if open_:
            return None
        ex.body = b""  # what was not judged is not logged either
        raise ClientError(
            400,
            "guard_unjudged",
            f"The request could not be judged by this route's content rules: {reason}.",
            apisix_body={"message": "request could not be judged"},
        )

    def _refuse(self, ex: Exchange, finding: Finding, path: str) -> Reply:
        message = f"{self.config.message} ({finding.group})"
        if self.config.as_refusal and ex.protocol is not None:
            reply = refusal_reply(ex, message)
            if reply is not None:
                return reply
        raise ClientError(400, "content_blocked", message, param=path, apisix_body={"message": message})

    # -- the answer

    def event(self, ex: Exchange, event: Any) -> list[Any]:
        """Judge the answer piece by piece; values that were masked come back."""
        state: _State | None = ex.state.get(self._key)
        if state is None:
            return [event]
        if state.ended:
            return []
        answer = state.answer
        if answer is None:
            answer = state.answer = self._answer_guard(ex, state)
        try:
            return answer.event(event)
        except ClientError:
            if not self.config.as_refusal:
                raise
            state.ended = True
            return [Finished(getattr(event, "choice", 0), "content_filter"), Ended()]

    def _answer_guard(self, ex: Exchange, state: _State) -> AnswerGuard:
        def decide(finding: Finding, role: str) -> str | None:
            action, shadow = self._decide("output", finding)
            segment = Segment("", (), role, "assistant")
            self._tell(ex, self._verdict(finding, action, "output", segment, role, shadow))
            if shadow or action in ("flag", "off"):
                return None
            if action == "block" or role == "reasoning":
                raise ClientError(400, "content_blocked", f"{self.config.message} ({finding.group})")
            return redaction(finding.label)

        def leaked(words: int) -> None:
            if state.leaked:
                return
            state.leaked = True
            finding = Finding(_OVERLAP, "leakage.overlap", "PROMPT", "high", "", "", 0, 0, str(words), words)
            if decide(finding, "assistant") is not None:
                raise ClientError(400, "content_blocked", f"{self.config.message} (leakage.overlap)")

        return AnswerGuard(
            self._output.judge,
            decide,
            state.vault,
            known=self._system_words(state.looked) if self._leakage else frozenset(),
            leaked=leaked,
            call_ended=(lambda name, arguments: self._call_ended(ex, state, name, arguments))
            if self._tracked
            else None,
        )

    @staticmethod
    def _system_words(looked: Looked) -> frozenset[int]:
        known: frozenset[int] = frozenset()
        for item, judged, _ in looked.items:
            if judged.unreadable or not (
                item.field in ("system", "instructions", "systemInstruction") or b'"role"' in item.raw[:400]
            ):
                continue
            if item.field == "messages" and b'"system"' not in item.raw[:400] and b'"developer"' not in item.raw[:400]:
                continue
            for segment in segments_of(item):
                if segment.trust == "developer" and segment.kind != "joint":
                    known |= shingles(segment.text)
        return known

    def _call_ended(self, ex: Exchange, state: _State, name: str, arguments: str) -> None:
        """A tool call is complete: does it send to where only untrusted text pointed?"""
        items = state.looked.items
        untrusted = frozenset().union(*(judged.untrusted for _, judged, _ in items))
        if not untrusted:
            return
        trusted = frozenset().union(*(judged.trusted for _, judged, _ in items))
        for destination in strange(state.vault.restore(arguments, in_json=True), trusted, untrusted):
            finding = Finding(
                _DESTINATION, "exfiltration.destination", "DESTINATION", "high", "", "", 0, 0, destination
            )
            action, shadow = self._decide("output", finding)
            segment = Segment("", (), "tool_call", "assistant")
            self._tell(ex, self._verdict(finding, action, "output", segment, f"tool_call:{name}", shadow))
            if action in ("block", "redact", "mask") and not shadow:
                raise ClientError(400, "content_blocked", f"{self.config.message} (exfiltration.destination)")


def _own_pack(config: GuardConfig, canaries: list[str]) -> Any:
    """The operator's rules and canaries as a pack; None when there are none. Raises ValueError."""
    rules = [
        RuleText(
            id=rule.id,
            group="rule",
            label=rule.label,
            severity="high",
            keywords=tuple(word.lower() for word in rule.keywords),
            pattern=rule.pattern,
            case=rule.case_sensitive,
            match=("",),
        )
        for rule in config.rules
    ]
    if canaries:
        import re2

        pattern = "|".join(re2.escape(canary) for canary in canaries)
        words = tuple(canary.lower() for canary in canaries)
        rules.append(
            RuleText(
                id="canary",
                group="canary",
                label="CANARY",
                severity="high",
                keywords=words,
                pattern=pattern,
                directions=("output",),
                match=("",),
            )
        )
    if not rules:
        return None
    return compile_pack(PackText(id="own", version="config", about="The operator's own.", rules=tuple(rules)))


def _veiled(looked: Looked) -> bytes:
    """The body of a refused request as logs may have it: items in which nothing was found."""
    clean = [msgspec.Raw(item.raw) for item, judged, _ in looked.items if not judged.findings]
    return msgspec.json.encode({"refused": True, "items": clean})


def _write(ex: Exchange, items: list[Item], edited: dict[tuple[str, int | None], bytes]) -> None:
    """Put edited items into the document; the others keep their bytes. Logs see the edited body too."""
    document = ex.document
    assert document is not None
    for name in {name for name, _ in edited}:
        own = [item for item in items if item.field == name]
        if own[0].place is None:
            document.set_raw(name, edited[name, None])
        else:
            document.set_raw(name, b"[" + b",".join(edited.get((name, item.place), item.raw) for item in own) + b"]")
    ex.forget()
    ex.body = document.encode()
