"""A plain-text answer that broke off, taken up by another target: what was said so far becomes the beginning of its
answer (assistant prefill), and the client sees one stream. Opt-in, at most once per request.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tollhouse.dataplane.chat import Event, PartEnded, PartStarted, ReplyStarted, TextDelta, Usage, UsageReported
from tollhouse.dataplane.dispatch.replies.hooked import HookedLeg
from tollhouse.dataplane.dispatch.replies.legs import TranslatedLeg
from tollhouse.dataplane.engine.prompt_size import media_tokens
from tollhouse.dataplane.protocol import StreamDecoder, StreamEncoder, UsageReader

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

STATE = "continuing"
"""``Exchange.state`` key: the ``Broken`` answer that is being continued."""

_FORMATS = ("openai_chat", "anthropic_messages")


class Broken:
    """What the client has seen of an answer."""

    def __init__(self, encoder: StreamEncoder, text: str, part: int, usage: Usage) -> None:
        self.encoder = encoder
        self.text = text
        self.part = part
        """Index of the open text part."""
        self.usage = usage
        self.last_s: float | None = None
        """Monotonic seconds at which the stream is cut off, as for the first part of it."""
        self.left: int | None = None
        """Bytes the rest may have; None: any number."""


class Said:
    """Remembers what a stream says, as long as there is nothing but one piece of text."""

    __slots__ = ("_encoder", "_open", "_others", "_text")

    def __init__(self, encoder: StreamEncoder) -> None:
        self._encoder = encoder
        self._text: list[str] = []
        self._open: int | None = None
        self._others = False

    def see(self, events: Iterable[Event]) -> None:
        """Take events in."""
        for event in events:
            if isinstance(event, PartStarted):
                self._others = self._others or event.kind != "text" or self._open is not None
                self._open = event.index
            elif isinstance(event, TextDelta):
                self._text.append(event.text)
            elif isinstance(event, PartEnded):
                self._others = True  # the answer was over, or something else was to come

    def broken(self, usage: Usage) -> Broken | None:
        """What could be continued; None when there is more than one open piece of text."""
        text = "".join(self._text)
        if self._others or self._open is None or not text.strip():
            return None
        return Broken(self._encoder, text, self._open, usage)


class KeptLeg(TranslatedLeg):
    """One attempt's stream, translated."""

    __slots__ = ("said",)

    def __init__(
        self, decoder: StreamDecoder, encoder: StreamEncoder, loss: tuple[str, list[str]], request_size: int = 0
    ) -> None:
        super().__init__(decoder, encoder, None, loss, request_size)
        self.said = Said(encoder)

    def events(self, events: Iterable[Event]) -> None:
        """Take events in."""
        seen = list(events)
        self.said.see(seen)
        super().events(seen)


class KeptPassingLeg(HookedLeg):
    """One attempt's stream in the client's own format: it passes byte for byte."""

    __slots__ = ("said",)

    def __init__(self, decoder: StreamDecoder, encoder: StreamEncoder, hiding: UsageReader | None) -> None:
        super().__init__(decoder, encoder, lambda event: [event], hiding)
        self.said = Said(encoder)

    def events(self, events: Iterable[Event]) -> None:
        """Take events in."""
        seen = list(events)
        self.said.see(seen)
        super().events(seen)


def kept_leg(
    decoder: StreamDecoder,
    encoder: StreamEncoder,
    loss: tuple[str, list[str]],
    *,
    same: bool,
    hiding: UsageReader | None,
    request_size: int = 0,
) -> KeptLeg | KeptPassingLeg:
    """A leg that can be continued. ``same``: the provider speaks the client's format; ``hiding`` then takes out usage
    the client did not ask for."""
    return KeptPassingLeg(decoder, encoder, hiding) if same else KeptLeg(decoder, encoder, loss, request_size)


class ContinuedLeg(TranslatedLeg):
    """The second half: goes on in the client's stream where the first broke off."""

    __slots__ = ("_broken", "_repeated", "_second")

    def __init__(
        self, decoder: StreamDecoder, broken: Broken, loss: tuple[str, list[str]], request_size: int = 0
    ) -> None:
        super().__init__(decoder, broken.encoder, None, loss, request_size)
        self._broken = broken
        self._repeated = broken.text[len(broken.text.rstrip()) :]
        """White space the client has and the new target was not shown."""
        self._second: int | None = None

    def take(self) -> bytes:
        """What is ready, as if it came from the first."""
        pending, self._pending = self._pending, []
        self.name_lost()
        encode = self._broken.encoder.encode
        return b"".join([encode(event) for one in pending for event in self._shown(one)])

    def _shown(self, event: Event) -> list[Event]:
        part = self._broken.part
        if isinstance(event, ReplyStarted):
            return []
        if isinstance(event, PartStarted) and event.kind == "text" and self._second is None:
            self._second = event.index
            return []
        if isinstance(event, TextDelta) and event.index == self._second:
            return [TextDelta(event.choice, part, self._without_repetition(event.text), event.logprobs)]
        if isinstance(event, PartEnded) and event.index == self._second:
            return [PartEnded(event.choice, part)]
        if isinstance(event, UsageReported):
            first = self._broken.usage
            both = Usage(
                input_tokens=first.input_tokens,
                cached_tokens=first.cached_tokens,
                output_tokens=first.output_tokens + event.usage.output_tokens,
                estimated=True,
            )
            return [UsageReported(both)]
        return [event]

    def _without_repetition(self, text: str) -> str:
        repeated, self._repeated = self._repeated, ""
        return text.removeprefix(repeated) if repeated else text


def may_continue(ex: Exchange) -> bool:
    """Whether the request asks for plain text and nothing else."""
    if ex.protocol is None or ex.document is None or ex.protocol.name not in _FORMATS:
        return False
    if ex.peek.needs or ex.peek.choices != 1:
        return False
    if ex.pipeline is not None and (ex.pipeline.event_hooks or ex.pipeline.answer_judges):
        return False
    asked = ex.document
    if any(asked.get(name) for name in ("tools", "response_format", "thinking", "reasoning_effort", "logprobs")):
        return False
    messages = asked.get("messages")
    return isinstance(messages, list) and not media_tokens(messages)


def take_up(ex: Exchange, broken: Broken) -> None:
    """Turn the exchange's request into one for the rest."""
    assert ex.document is not None
    messages = ex.document.get("messages")
    said = {"role": "assistant", "content": broken.text.rstrip()}
    ex.document.set("messages", [*messages, said])
    ex.forget()
    ex.state[STATE] = broken
