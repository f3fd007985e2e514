"""Streams on their way: usage as reported, else estimated."""

from __future__ import annotations

from tollhouse.dataplane.dispatch.replies.legs import Leg, TranslatedLeg, WatchedLeg
from tollhouse.dataplane.errors import UpstreamError
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.registry import protocols_by_name

from tests.support.providers import ANTHROPIC_STREAM, OPENAI_STREAM, openai_chunk

OPENAI = protocols_by_name()["openai_chat"]
ANTHROPIC = protocols_by_name()["anthropic_messages"]


def watched() -> Leg:
    """OpenAI to OpenAI."""
    encoder = lambda: OPENAI.stream_encoder(ReplyContext("m"))  # noqa: E731
    return WatchedLeg(OPENAI, OPENAI.usage_reader(hide_usage=False), encoder)


def translated() -> Leg:
    """Anthropic to OpenAI."""
    return TranslatedLeg(ANTHROPIC.stream_decoder(), OPENAI.stream_encoder(ReplyContext("m")), None)


def test_content_and_end_are_noticed() -> None:
    """The role is no content; the end mark is the end."""
    for leg, pieces in ((watched(), OPENAI_STREAM), (translated(), ANTHROPIC_STREAM)):
        leg.feed(pieces[0])
        assert not leg.has_content
        for piece in pieces[1:]:
            leg.feed(piece)
        assert leg.has_content
        assert leg.ended
        assert b"Hello" in leg.take()
        assert leg.take() == b""
        usage = leg.usage(1000)
        assert (usage.input_tokens, usage.output_tokens, usage.estimated) == (20, 4, False)


def test_a_watched_stream_passes_untouched() -> None:
    """The very bytes."""
    leg = watched()
    for piece in OPENAI_STREAM:
        leg.feed(piece)
    assert leg.take() == b"".join(OPENAI_STREAM)


def test_of_an_event_cut_in_two_nothing_is_shown() -> None:
    """The client gets the whole events, then an error its parser can read."""
    leg = watched()
    whole = b"".join(OPENAI_STREAM[:2])
    leg.feed(whole + OPENAI_STREAM[2][:-9])
    leg.close()
    assert leg.take() == whole
    assert not leg.ended
    told = leg.error(UpstreamError(502, "provider_cut", "It broke off."), "req-1")
    assert told.strip().startswith(b"data: {")


def test_what_was_not_reported_is_estimated_from_the_text() -> None:
    """Not from the frame around it; a long stream by its beginning."""
    leg = watched()
    for _ in range(2000):
        leg.feed(openai_chunk({"content": "four"}))
    usage = leg.usage(400)
    assert usage.estimated
    assert usage.input_tokens == 100
    assert 1900 <= usage.output_tokens <= 2100
    told = translated()
    for piece in ANTHROPIC_STREAM[:4]:
        told.feed(piece)
    usage = told.usage(400)
    assert (usage.input_tokens, usage.output_tokens, usage.estimated) == (20, 3, True)


def test_a_providers_failure_is_seen() -> None:
    """In either kind of leg."""
    bad = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"m"}}\n\n'
    for leg, event in ((watched(), b'data: {"error":{"message":"m","type":"t"}}\n\n'), (translated(), bad)):
        leg.feed(event)
        assert leg.failed is not None
        assert leg.failed.message == "m"


def test_a_translated_stream_without_usage_tells_the_estimate() -> None:
    """Agents count their context by it: 0 would let them run over the model's window."""
    encoder = ANTHROPIC.stream_encoder(ReplyContext("m"))
    leg = TranslatedLeg(OPENAI.stream_decoder(), encoder, None, request_size=4000)
    for piece in (openai_chunk({"content": "Hello there"}), openai_chunk({}, "stop"), b"data: [DONE]\n\n"):
        leg.feed(piece)
    shown, charged = leg.take(), leg.usage(4000)
    assert charged.estimated
    assert charged.input_tokens > 500
    assert f'"input_tokens":{charged.input_tokens}'.encode() in shown
    assert f'"output_tokens":{charged.output_tokens}'.encode() in shown


def test_a_translated_stream_with_usage_tells_it_as_it_came() -> None:
    """No second word after the provider's."""
    encoder = OPENAI.stream_encoder(ReplyContext("m", stream_usage=True))
    leg = TranslatedLeg(ANTHROPIC.stream_decoder(), encoder, None, request_size=4000)
    for piece in ANTHROPIC_STREAM:
        leg.feed(piece)
    shown = leg.take()
    assert shown.count(b'"prompt_tokens":') == 1
    assert b'"prompt_tokens":20' in shown
