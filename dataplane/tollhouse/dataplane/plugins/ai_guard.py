"""ai-guard: finds attacks, secrets and personal data in what goes to a model and comes back, and acts on each."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec
from tollhouse.dataplane.chat import Ended, Finished
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.guarding.answer import AnswerGuard
from tollhouse.dataplane.guarding.choices import DESTINATION, OVERLAP, Choices, GuardConfig, complaints_about, own_pack
from tollhouse.dataplane.guarding.destinations import strange
from tollhouse.dataplane.guarding.edits import Edit, Unwritable, edit_item, rewrite
from tollhouse.dataplane.guarding.engine import Matcher
from tollhouse.dataplane.guarding.inspector import Finding, Inspector, Looked
from tollhouse.dataplane.guarding.overlap import shingles
from tollhouse.dataplane.guarding.packs import built_in
from tollhouse.dataplane.guarding.refusing import refusal_reply
from tollhouse.dataplane.guarding.segments import Item, Segment, items_of, segments_of, show_path
from tollhouse.dataplane.guarding.vault import Vault, redaction
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.records.verdicts import Verdict, add_verdict, value_digest
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage

OFF_LOOP = 64 << 10
"""Bytes of unseen text from which scanning moves to a thread."""


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
        own = own_pack(config, [services.secrets.reveal(canary) for canary in config.canaries])
        rules = [rule for pack in [*packs, *([own] if own else [])] for rule in pack.rules]
        self._choices = Choices(config)
        self._exfiltration = "exfiltration" in config.packs
        self._leakage = "leakage" in config.packs
        minds = self._choices.minds
        incoming = [
            one for one in rules if self._choices.action("input", one.id, one.group, one.text.default or "") != "off"
        ]
        outgoing = [
            one for one in rules if self._choices.action("output", one.id, one.group, one.text.default or "") != "off"
        ]
        thresholds = config.thresholds.model_dump()
        tracked = self._exfiltration and minds("output", DESTINATION, "exfiltration.destination")
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
        return complaints_about(config)

    # -- decisions

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
        if ex.protocol is not None and ex.protocol.opaque and ex.protocol.stored(ex.method, ex.path):
            self._unjudged(ex, "nobody can look into files, batches and stored responses; give them another route")
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
                action, shadow = self._choices.decide("input", finding)
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
            action, shadow = self._choices.decide("output", finding)
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
            finding = Finding(OVERLAP, "leakage.overlap", "PROMPT", "high", "", "", 0, 0, str(words), words)
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
            finding = Finding(DESTINATION, "exfiltration.destination", "DESTINATION", "high", "", "", 0, 0, destination)
            action, shadow = self._choices.decide("output", finding)
            segment = Segment("", (), "tool_call", "assistant")
            self._tell(ex, self._verdict(finding, action, "output", segment, f"tool_call:{name}", shadow))
            if action in ("block", "redact", "mask") and not shadow:
                raise ClientError(400, "content_blocked", f"{self.config.message} (exfiltration.destination)")


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
