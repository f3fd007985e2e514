"""Judges a request item by item and remembers what it found: an agent sends its whole history again each turn."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tollhouse.dataplane.guarding.destinations import destinations_in
from tollhouse.dataplane.guarding.engine import Hit, Matcher
from tollhouse.dataplane.guarding.scoring import clusters
from tollhouse.dataplane.guarding.segments import Item, Segment, segments_of

REMEMBERED = 20_000
"""Items whose findings are kept."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a rule says about a piece of text."""

    rule: str
    group: str
    label: str
    severity: str
    version: str
    default: str
    """The rule's own action, empty when it has none."""
    start: int
    end: int
    value: str = field(repr=False)
    score: int = 0
    spans: tuple[tuple[int, int], ...] = ()
    """Of weighted rules: every hit that counted."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of one item."""

    findings: tuple[tuple[Segment, Finding], ...] = ()
    trusted: frozenset[str] = frozenset()
    """Hosts and addresses the developer or the user named."""
    untrusted: frozenset[str] = frozenset()
    """Those that tool results and documents named."""
    unreadable: bool = False


@dataclass(slots=True)
class Looked:
    """What is known of a request."""

    items: list[tuple[Item, Judged, bool]] = field(default_factory=list)
    """Item, findings, and whether they were remembered."""
    scanned: int = 0
    """Bytes that were new."""
    complete: bool = True
    """False: the budget ran out, later items were not looked at."""


_NOTHING = Judged()


class Inspector:
    """Rules and thresholds of one configuration, with its memory. Shared by exchanges and threads."""

    def __init__(
        self,
        matcher: Matcher,
        thresholds: Mapping[str, int],
        allowed: Sequence[str] = (),
        *,
        destinations: bool = False,
    ) -> None:
        self._matcher = matcher
        self._thresholds = thresholds
        self._allowed = frozenset(allowed)
        self._destinations = destinations
        self._memory: OrderedDict[bytes, Judged] = OrderedDict()

    def unseen(self, items: Sequence[Item]) -> int:
        """Bytes of items that were not judged before."""
        return sum(len(item.raw) for item in items if self._key(item) not in self._memory)

    def look(self, items: Sequence[Item], max_bytes: int, expired: Callable[[], bool]) -> Looked:
        """Judge items, newest first when the budget may not suffice: the history was judged when it was new."""
        looked = Looked()
        judged: dict[int, tuple[Judged, bool]] = {}
        for place in reversed(range(len(items))):
            item = items[place]
            key = self._key(item)
            known = self._memory.get(key)
            if known is not None:
                judged[place] = known, True
                continue
            if looked.scanned + len(item.raw) > max_bytes or expired():
                looked.complete = False
                continue
            looked.scanned += len(item.raw)
            fresh = self._judge(item)
            judged[place] = fresh, False
            self._remember(key, fresh)
        looked.items = [(items[place], *judged[place]) for place in sorted(judged)]
        return looked

    def _judge(self, item: Item) -> Judged:
        try:
            segments = segments_of(item)
        except (ValueError, RecursionError):
            return Judged(unreadable=True)
        findings: list[tuple[Segment, Finding]] = []
        named: dict[str, set[str]] = {"trusted": set(), "untrusted": set()}
        for segment in segments:
            findings += [(segment, finding) for finding in self.judge(segment)]
            if self._destinations and segment.kind != "joint" and segment.role != "tool_call":
                kind = "untrusted" if segment.trust == "untrusted" else "trusted"
                named[kind] |= destinations_in(segment.text)
        if not findings and not named["trusted"] and not named["untrusted"]:
            return _NOTHING
        return Judged(tuple(findings), frozenset(named["trusted"]), frozenset(named["untrusted"]))

    def judge(self, segment: Segment) -> list[Finding]:
        """What the rules say about one piece of text."""
        trust = "user" if segment.role == "tool_definition" else segment.trust
        threshold = self._thresholds.get(trust, 0)
        hits = self._matcher.find(segment.text, segment.trust, segment.role, weighed=threshold > 0)
        if not hits:
            return []
        plain = [hit for hit in hits if not hit.rule.pack.scored]
        scored = [hit for hit in hits if hit.rule.pack.scored]
        found = []
        if segment.kind != "joint":
            found = [self._finding(segment, hit) for hit in plain if hit.value not in self._allowed]
        if scored:
            for cluster in clusters(scored, threshold):
                spans = tuple((hit.start, hit.end) for hit in cluster.hits)
                found.append(self._finding(segment, cluster.strongest, cluster.score, spans))
        return found

    @staticmethod
    def _finding(segment: Segment, hit: Hit, score: int = 0, spans: tuple[tuple[int, int], ...] = ()) -> Finding:
        rule = hit.rule
        text = rule.text
        value = segment.text[hit.start : hit.end] or hit.value
        return Finding(
            rule.id,
            rule.group,
            text.label or text.group.upper().replace("-", "_"),
            text.severity,
            rule.pack.version,
            text.default or "",
            hit.start,
            hit.end,
            value,
            score,
            spans,
        )

    @staticmethod
    def _key(item: Item) -> bytes:
        return hashlib.blake2b(item.raw, digest_size=16, key=item.field.encode()[:64]).digest()

    def _remember(self, key: bytes, judged: Judged) -> None:
        memory = self._memory
        memory[key] = judged
        if len(memory) > REMEMBERED:
            try:
                memory.popitem(last=False)
            except KeyError:  # another thread was faster
                return
