"""Watching a stream: bytes pass as they came, usage is found, and hidden where the client did not ask for it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tollhouse.dataplane.chat import TextDelta
from tollhouse.dataplane.protocol import UsageReader
from tollhouse.dataplane.registry import protocols_by_name

from tests.support.golden import load

HEAD = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o",'
ROLE = HEAD + b'"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
HELLO = HEAD + b'"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}\n\n'
STOP = HEAD + b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = HEAD + b'"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
DONE = b"data: [DONE]\n\n"


def watcher(*, hide: bool = False, name: str = "openai_chat") -> UsageReader:
    return protocols_by_name()[name].usage_reader(hide_usage=hide)


def test_untouched_chunks_are_the_same_objects() -> None:
    reader = watcher(hide=True)
    for chunk in (ROLE, HELLO, HELLO, STOP, DONE):
        assert reader.feed(chunk) is chunk


def test_content_is_told_from_the_role_chunk_before_it() -> None:
    reader = watcher()
    reader.feed(ROLE)
    assert not reader.has_content
    reader.feed(HELLO)
    assert reader.has_content


def test_usage_nobody_asked_for_is_taken_out_and_still_counted() -> None:
    reader = watcher(hide=True)
    got = b"".join(map(reader.feed, (ROLE, HELLO, STOP, USAGE, DONE))) + reader.close()
    assert got == ROLE + HELLO + STOP + DONE
    assert (reader.usage.input_tokens, reader.usage.output_tokens) == (3, 2)
    assert reader.reported
    assert reader.ended


def test_usage_in_the_middle_of_a_chunk_is_taken_out_of_it() -> None:
    reader = watcher(hide=True)
    assert reader.feed(ROLE + b": note\n\n" + HELLO + STOP + USAGE + DONE) == ROLE + b": note\n\n" + HELLO + STOP + DONE


def test_a_byte_order_mark_hides_no_other_event() -> None:
    reader = watcher(hide=True)
    assert (
        reader.feed(b"\xef\xbb\xbf" + ROLE + HELLO + STOP + USAGE + DONE)
        == b"\xef\xbb\xbf" + ROLE + HELLO + STOP + DONE
    )


def test_usage_that_came_with_the_last_words_is_left_to_the_client() -> None:
    chunk = STOP.replace(b"]}\n\n", b'],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n')
    reader = watcher(hide=True)
    assert reader.feed(chunk) == chunk
    assert reader.reported


@settings(max_examples=80, deadline=None)
@given(st.sets(st.integers(0, len(ROLE + HELLO + STOP + USAGE + DONE)), max_size=10), st.booleans())
def test_usage_is_hidden_however_the_stream_is_cut(cuts: set[int], crlf: bool) -> None:
    raw, shown = ROLE + HELLO + STOP + USAGE + DONE, ROLE + HELLO + STOP + DONE
    if crlf:
        raw, shown = raw.replace(b"\n", b"\r\n"), shown.replace(b"\n", b"\r\n")
    places = sorted(cuts)
    reader = watcher(hide=True)
    pieces = [raw[a:b] for a, b in zip([0, *places], [*places, len(raw)], strict=True)]
    assert b"".join([*map(reader.feed, pieces), reader.close()]) == shown
    assert reader.usage.output_tokens == 2
    assert reader.ended


def test_a_finished_stream_is_whole_without_its_end_mark() -> None:
    for chunks in ((ROLE, HELLO, STOP), (ROLE, HELLO, STOP, USAGE), (ROLE + HELLO + STOP,), (ROLE, HELLO, STOP[:-2])):
        reader = watcher(hide=True)
        for chunk in chunks:
            reader.feed(chunk)
        reader.close()
        assert reader.ended
    reader = watcher()
    reader.feed(ROLE + HELLO)
    reader.close()
    assert not reader.ended


def test_words_that_look_like_marks_are_not_taken_for_them() -> None:
    reader = watcher(hide=True)
    reader.feed(HELLO)
    for text in (rb"\"usage\":{\"prompt_tokens\":9}", rb"data: [DONE]", rb"\"error\":{}"):
        chunk = HELLO.replace(b"Hello", text)
        assert reader.feed(chunk) == chunk
    assert not reader.reported
    assert not reader.ended
    assert reader.failed is None


def test_a_null_error_is_no_error() -> None:
    reader = watcher()
    reader.feed(HELLO.replace(b'"choices"', b'"error":null,"choices"'))
    assert reader.failed is None


def test_an_error_inside_a_200_stream_is_seen_with_the_providers_words() -> None:
    reader = watcher()
    reader.feed(ROLE)
    reader.feed(b'data: {"error":{"message":"Slow down","type":"rate_limit_error","code":429}}\n\n')
    assert reader.failed is not None
    assert (reader.failed.status, reader.failed.code, reader.failed.message) == (429, "rate_limit_error", "Slow down")
    assert not reader.ended

    reader = watcher(name="anthropic_messages")
    reader.feed(load("anthropic_messages", "streams", "error", ".sse"))
    assert reader.failed is not None
    assert (reader.failed.status, reader.failed.message) == (529, "Overloaded")


def test_a_line_without_end_is_let_go_rather_than_kept() -> None:
    for hide in (False, True):
        reader = watcher(hide=hide)
        raw = b"x" * 2_500_000
        got = b"".join(reader.feed(raw) for _ in range(8)) + reader.close()
        assert got == raw * 8


def test_an_event_of_megabytes_hides_the_end_from_nobody() -> None:
    """OpenRouter sends pictures inside events of chat completions."""
    raw = HELLO + HELLO.replace(b"Hello", b"A" * 3_000_000) + STOP + USAGE + DONE
    pieces = [raw[at : at + 200_000] for at in range(0, len(raw), 200_000)]
    reader = watcher()
    assert b"".join(map(reader.feed, pieces)) + reader.close() == raw
    assert reader.ended
    assert reader.reported
    decoder = protocols_by_name()["openai_chat"].stream_decoder()
    events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()
    assert sum(len(event.text) for event in events if isinstance(event, TextDelta)) == 3_000_005


def test_a_stream_that_was_cut_has_not_ended() -> None:
    for name in ("openai_chat", "anthropic_messages"):
        reader = watcher(name=name)
        reader.feed(load(name, "streams", "cut", ".sse"))
        reader.close()
        assert not reader.ended


def test_anthropics_two_usages_are_one_cumulative_count() -> None:
    reader = watcher(name="anthropic_messages")
    reader.feed(load("anthropic_messages", "streams", "text", ".sse"))
    usage = reader.usage
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens) == (21, 5, 9)
    assert reader.model == "claude-sonnet-4-5"
