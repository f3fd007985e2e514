"""A hooked stream in a format that says everything more than once: its own events, with what was shown in them.

An event that was changed would not do: the same words stand in events before and behind it. So nothing of ours stands
between the provider's events here; what hooks changed is written into them, and an event leaves when what it tells of,
or repeats, has come back from the hooks.
"""

from __future__ import annotations

from tollhouse.dataplane.chat import Ended, Event, Finished
from tollhouse.dataplane.dispatch.replies.events import content_of
from tollhouse.dataplane.dispatch.replies.hooked import HookedLeg
from tollhouse.dataplane.dispatch.replies.legs import Hooks
from tollhouse.dataplane.protocol import StreamDecoder, StreamEditor, StreamEncoder


class EditedLeg(HookedLeg):
    """One attempt's stream. See the port for what is promised."""

    __slots__ = ("_editor", "_over")

    def __init__(self, decoder: StreamDecoder, encoder: StreamEncoder, hooks: Hooks, editor: StreamEditor) -> None:
        super().__init__(decoder, encoder, hooks)
        self._editor = editor
        self._over = False
        """A hook gave the stream another end."""

    def _untold(self, raw: bytes) -> bool:
        return False  # it is edited

    def _show(self, event: Event, made: list[bytes]) -> None:
        encoded = self._encoder.encode(event)  # it ends the stream if that breaks off
        home = self._home.get(id(event))
        if home is None or home[1] is not event:
            self._editor.show(event)
            if isinstance(event, Finished | Ended) and not self._over:
                self._over = True
                self._blocks.clear()
            if self._over:
                made.append(encoded)
            return
        block = home[0]
        for key in list(self._home):  # events come back in order: what came before was changed or dropped
            del self._home[key]
            if key == id(event):
                break
        if self._over or block not in self._blocks:
            return
        changed = home[2] != content_of(event)
        repeats = self._editor.waits(block.raw)
        if repeats or changed:
            self._editor.show(event)
        while self._blocks[0] is not block:  # what they tell of has come back, or will not
            made.append(self._editor.edit(self._blocks.popleft().raw))
        if not repeats and not changed:
            self._editor.show(event)
        block.left = sum(other[0] is block for other in self._home.values())
        if block.left == 0:
            self._blocks.popleft()
            made.append(self._editor.edit(block.raw))
            self._pass_silent(made)

    def _pass_silent(self, made: list[bytes]) -> None:
        if self._over:
            self._blocks.clear()
        while self._blocks and self._blocks[0].left == 0:
            raw = self._blocks[0].raw
            shown = self._editor.edit(raw)
            if shown is not raw and self._editor.waits(raw):
                break  # it tells of what has not come back yet
            self._blocks.popleft()
            made.append(shown)
