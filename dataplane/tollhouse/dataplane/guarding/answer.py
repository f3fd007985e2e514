"""An answer on its way through the rules: events in, events out, each part through a window of its own.

Events leave in the order they came. What the rules leave alone leaves as the very event that came in, so that whoever
relays the bytes can pass them untouched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace
from tollhouse.dataplane.chat import ArgumentsDelta, Ended, Finished, PartEnded, PartStarted, TextDelta, ThinkingDelta
from tollhouse.dataplane.guarding.inspector import Finding
from tollhouse.dataplane.guarding.overlap import Overlap
from tollhouse.dataplane.guarding.segments import Segment
from tollhouse.dataplane.guarding.stream import Window
from tollhouse.dataplane.guarding.vault import Vault

Judge = Callable[[Segment], list[Finding]]
Decide = Callable[[Finding, str], str | None]
"""What shall stand for a finding in the part of that role; None leaves it. Raises to end the answer."""
CallEnded = Callable[[str, str], None]
"""Told the name and the whole arguments of each tool call; raises to end the answer."""
Leaked = Callable[[int], None]
"""Told how many words in a row repeat the system prompt; raises to end the answer."""

_ROLES = {"tool_call": "tool_call", "thinking": "reasoning"}


class _Waiting:
    """An event that has not left yet."""

    __slots__ = ("end", "event", "pieces", "start", "text", "window")

    def __init__(self, event: Any, window: Window | None, start: int, text: str) -> None:
        self.event = event
        self.window = window
        self.start = start
        self.end = start + len(text)
        self.text = text
        self.pieces: list[str] | None = None
        """Its words as they shall be shown, once they differ."""


class _Part:
    """A part of the answer that is under way."""

    __slots__ = ("arguments", "fed", "name", "overlap", "role", "waiting", "window")

    def __init__(self, window: Window, role: str, name: str, overlap: Overlap | None) -> None:
        self.window = window
        self.role = role
        self.name = name
        self.overlap = overlap
        self.fed = 0
        self.arguments: list[str] = []
        self.waiting: deque[_Waiting] = deque()


class AnswerGuard:
    """One answer. Not safe to share."""

    def __init__(
        self,
        judge: Judge,
        decide: Decide,
        vault: Vault,
        *,
        known: frozenset[int] = frozenset(),
        leaked: Leaked | None = None,
        call_ended: CallEnded | None = None,
    ) -> None:
        self._judge = judge
        self._decide = decide
        self._vault = vault
        self._known = known
        self._leaked = leaked
        self._call_ended = call_ended
        self._parts: dict[tuple[int, int], _Part] = {}
        self._waiting: deque[_Waiting] = deque()

    def event(self, event: Any) -> list[Any]:
        """The events that may leave now."""
        if isinstance(event, PartStarted):
            self._begin(event)
        elif isinstance(event, TextDelta | ThinkingDelta | ArgumentsDelta):
            self._more(event)
            return self._ready()
        elif isinstance(event, PartEnded):
            self._end((event.choice, event.index))
        elif isinstance(event, Finished):
            for key in [key for key in self._parts if key[0] == event.choice]:
                self._end(key)
        elif isinstance(event, Ended):
            for key in list(self._parts):
                self._end(key)
        self._waiting.append(_Waiting(event, None, 0, ""))
        return self._ready()

    def _begin(self, event: PartStarted) -> None:
        role = _ROLES.get(event.kind, "assistant")
        in_json = role == "tool_call"
        # Reasoning is signed by its maker: it is looked at, and never changed.
        restore = (
            (lambda text: text) if role == "reasoning" else lambda text: self._vault.restore(text, in_json=in_json)
        )
        judge = lambda text: self._judge(Segment(text, (), role, "assistant", "text", role != "reasoning"))  # noqa: E731
        window = Window(judge, lambda finding: self._decide(finding, role), restore)
        overlap = Overlap(self._known, in_json=in_json) if self._known and role != "reasoning" else None
        self._parts[event.choice, event.index] = _Part(window, role, event.name, overlap)

    def _more(self, event: TextDelta | ThinkingDelta | ArgumentsDelta) -> None:
        text = event.json if isinstance(event, ArgumentsDelta) else event.text
        part = self._parts.get((event.choice, event.index))
        if part is None:
            self._begin(PartStarted(event.choice, event.index, "text"))
            part = self._parts[event.choice, event.index]
        if part.role == "tool_call":
            part.arguments.append(text)
        if part.overlap is not None and part.overlap.feed(text) and self._leaked is not None:
            self._leaked(part.overlap.longest)
        waiting = _Waiting(event, part.window, part.fed, text)
        part.fed += len(text)
        part.waiting.append(waiting)
        self._waiting.append(waiting)
        self._release(part, *part.window.feed(text))

    def _end(self, key: tuple[int, int]) -> None:
        part = self._parts.pop(key, None)
        if part is None:
            return
        self._release(part, *part.window.close())
        if part.overlap is not None and part.overlap.close() and self._leaked is not None:
            self._leaked(part.overlap.longest)
        if part.role == "tool_call" and self._call_ended is not None:
            self._call_ended(part.name, "".join(part.arguments))

    @staticmethod
    def _release(part: _Part, count: int, whole: str, shown: str) -> None:
        """Characters of a part are cleared: note what the events they came with shall say."""
        if not count:
            return
        end = part.window.cleared
        begin = end - count
        changed = shown != whole
        first = True
        for waiting in part.waiting:
            low = max(begin, waiting.start) - waiting.start
            high = min(end, waiting.end) - waiting.start
            if low > high or (low == high and waiting.text):
                continue
            if changed and waiting.pieces is None:
                waiting.pieces = [waiting.text[:low]]
            if waiting.pieces is not None:
                if not changed:
                    waiting.pieces.append(waiting.text[low:high])
                elif first:
                    waiting.pieces.append(shown)
            first = False
        while part.waiting and part.waiting[0].end <= end:
            part.waiting.popleft()

    def _ready(self) -> list[Any]:
        """Events from the front of the line whose words are cleared."""
        out: list[Any] = []
        while self._waiting:
            head = self._waiting[0]
            if head.window is not None and head.end > head.window.cleared:
                break
            self._waiting.popleft()
            shown = head.event if head.pieces is None else _with(head.event, "".join(head.pieces))
            if shown is not None:
                out.append(shown)
        return out


def _with(event: Any, text: str) -> Any:
    """The event with other words; None when none are left and it carries nothing else."""
    if not text and not getattr(event, "signature", ""):
        return None
    if isinstance(event, ArgumentsDelta):
        return replace(event, json=text)
    if isinstance(event, TextDelta):  # its tokens with their probabilities would tell what it said
        return replace(event, text=text, logprobs=None)
    return replace(event, text=text)
