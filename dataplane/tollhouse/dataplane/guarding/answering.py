"""What an answer may not say, given its request: secrets, the system prompt, masked values in pictures and calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.guarding.answer import AnswerGuard
from tollhouse.dataplane.guarding.carried import carried
from tollhouse.dataplane.guarding.choices import CARRIED, DESTINATION, OVERLAP
from tollhouse.dataplane.guarding.destinations import strange
from tollhouse.dataplane.guarding.inspector import Finding, Inspector, Looked
from tollhouse.dataplane.guarding.overlap import shingles
from tollhouse.dataplane.guarding.segments import Segment, segments_of
from tollhouse.dataplane.guarding.telling import Teller
from tollhouse.dataplane.guarding.vault import Vault, redaction


@dataclass(frozen=True, slots=True)
class Watched:
    """What is looked for in answers, besides the rules. One per plugin."""

    leakage: bool
    """The system prompt, word by word."""
    pictures: bool
    """Masked values in addresses that are fetched by themselves."""
    destinations: bool
    """Calls to where only untrusted text pointed."""
    message: str
    """What the caller is told of a block."""


@dataclass(slots=True)
class Asked:
    """What is known of the request. Belongs to one exchange."""

    vault: Vault
    looked: Looked = field(default_factory=Looked)
    leaked: bool = False


def answer_guard(ex: Exchange, asked: Asked, inspector: Inspector, teller: Teller, watched: Watched) -> AnswerGuard:
    """The guard of one answer."""

    def refused(group: str) -> ClientError:
        return ClientError(400, "content_blocked", f"{watched.message} ({group})")

    def decide(finding: Finding, role: str) -> str | None:
        action = teller.decide(ex, finding, "output", Segment("", (), role, "assistant"), role)
        if action is None:
            return None
        if action == "block" or role == "reasoning":
            raise refused(finding.group)
        return redaction(finding.label)

    def leaked(words: int) -> None:
        if asked.leaked:
            return
        asked.leaked = True
        finding = Finding(OVERLAP, "leakage.overlap", "PROMPT", "high", "", "", 0, 0, str(words), words)
        if decide(finding, "assistant") is not None:
            raise refused("leakage.overlap")

    def judge(segment: Segment) -> list[Finding]:
        found = inspector.judge(segment)
        if asked.vault and watched.pictures and asked.vault.nonce in segment.text.lower():
            found = [*found, *_carried(asked, segment)]
        return found

    def call_ended(name: str, arguments: str) -> None:
        told = asked.vault.restore(arguments, in_json=True)
        for destination in strange(told, *named(asked.looked)):
            finding = Finding(DESTINATION, "exfiltration.destination", "DESTINATION", "high", "", "", 0, 0, destination)
            segment = Segment("", (), "tool_call", "assistant")
            if teller.decide(ex, finding, "output", segment, f"tool_call:{name}") is not None:
                raise refused("exfiltration.destination")

    follow: Callable[[str, str], None] | None = call_ended if watched.destinations else None
    known = system_words(asked.looked) if watched.leakage else frozenset[int]()
    return AnswerGuard(judge, decide, asked.vault, known=known, leaked=leaked, call_ended=follow)


def _carried(asked: Asked, segment: Segment) -> list[Finding]:
    trusted, _ = named(asked.looked)
    return [
        Finding(CARRIED, "exfiltration.link", "LINK", "high", "", "", start, end, segment.text[start:end])
        for start, end in carried(segment.text, asked.vault.nonce, trusted)
    ]


def named(looked: Looked) -> tuple[frozenset[str], frozenset[str]]:
    """Hosts and addresses that somebody trusted named, and those that untrusted text did."""
    trusted = [judged.trusted for _, judged, _ in looked.items]
    untrusted = [judged.untrusted for _, judged, _ in looked.items]
    return frozenset().union(*trusted), frozenset().union(*untrusted)


_SYSTEM = ("system", "instructions", "systemInstruction", "system_instruction")


def system_words(looked: Looked) -> frozenset[int]:
    """Runs of words of what the developer said, wherever in the request that stands."""
    known: frozenset[int] = frozenset()
    for item, judged, _ in looked.items:
        if judged.unreadable:
            continue
        # Most items are turns of the conversation; a byte search spares them.
        if item.field in _SYSTEM or b'"system"' in item.raw or b'"developer"' in item.raw:
            for segment in segments_of(item):
                if segment.trust == "developer" and segment.kind != "joint":
                    known |= shingles(segment.text)
    return known
