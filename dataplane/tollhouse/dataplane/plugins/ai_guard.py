"""ai-guard: finds attacks, secrets and personal data in what goes to a model and comes back, and acts on each."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from tollhouse.dataplane.chat import Ended, Finished
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.guarding.answer import AnswerGuard
from tollhouse.dataplane.guarding.answering import Asked, Watched, answer_guard
from tollhouse.dataplane.guarding.choices import (
    CARRIED,
    DESTINATION,
    OVERLAP,
    Choices,
    GuardConfig,
    complaints_about,
    own_pack,
)
from tollhouse.dataplane.guarding.edits import Edit, Unwritable, edit_item, rewrite
from tollhouse.dataplane.guarding.engine import Matcher
from tollhouse.dataplane.guarding.inspector import Finding, Inspector, Looked
from tollhouse.dataplane.guarding.packs import Direction, Rule, built_in
from tollhouse.dataplane.guarding.refusing import refusal_reply
from tollhouse.dataplane.guarding.segments import Item, Segment, items_of, show_path
from tollhouse.dataplane.guarding.telling import Teller
from tollhouse.dataplane.guarding.vault import Vault, redaction
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage

OFF_LOOP = 64 << 10
"""Bytes of unseen text from which scanning moves to a thread."""


@dataclass(slots=True)
class _State:
    """What one exchange keeps between the hooks of one plugin."""

    asked: Asked
    answer: AnswerGuard | None = None
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
        self._teller = Teller(self.name, self._choices, services)
        thresholds = config.thresholds.model_dump()
        watched = self._watched = self._looked_for()
        named = watched.destinations or watched.pictures
        self._input = Inspector(self._matcher(rules, "input"), thresholds, config.allow, destinations=named)
        self._output = Inspector(self._matcher(rules, "output"), thresholds, config.allow)

    def _looked_for(self) -> Watched:
        config, minds = self.config, self._choices.minds
        exfiltration = "exfiltration" in config.packs
        return Watched(
            leakage="leakage" in config.packs and minds("output", OVERLAP, "leakage.overlap"),
            pictures=exfiltration and minds("output", CARRIED, "exfiltration.link"),
            destinations=exfiltration and minds("output", DESTINATION, "exfiltration.destination"),
            message=config.message,
        )

    def _matcher(self, rules: list[Rule], direction: Direction) -> Matcher:
        action = self._choices.action
        minded = [one for one in rules if action(direction, one.id, one.group, one.text.default or "") != "off"]
        return Matcher(minded, direction)

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """Own rules must compile, keys of ``actions`` must name something, canaries must be long enough."""
        assert isinstance(config, GuardConfig)
        return complaints_about(config)

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
        vault = Vault(self._nonce(ex, items))
        ex.state[self._key] = _State(Asked(vault, looked))
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
                path = show_path(item, segment.path)
                action = self._teller.decide(ex, finding, "input", segment, path, repeated=remembered)
                if action == "block":
                    blocked.append((finding, path))
                elif action is not None:
                    edits = changes.setdefault(id(segment), (segment, []))[1]
                    edits += self._edits(vault, finding, action)
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
        self._teller.unjudged(ex, passed=open_, shadow=self.config.shadow)
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
            answer = state.answer = answer_guard(ex, state.asked, self._output, self._teller, self._watched)
        try:
            return answer.event(event)
        except ClientError:
            if not self.config.as_refusal:
                raise
            state.ended = True
            return [Finished(getattr(event, "choice", 0), "content_filter"), Ended()]


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
