"""What logger configs share."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from tollhouse.dataplane.records.log_config import (
    EntryWriter,
    LoggerConfig,
    LoggerMetadata,
    check_expressions,
    compile_condition,
)
from tollhouse.dataplane.reply import Reply

from tests.support.exchanges import finished_chat, finished_exchange


async def test_metadata_fills_in_what_a_place_leaves_open() -> None:
    """Format and extra fields of the place win over those that hold everywhere."""
    ex = await finished_chat()
    told = LoggerMetadata(log_format_extra={"site": "a"})
    entry = json.loads(EntryWriter(LoggerConfig(), told, "n")(ex, 1001.0))
    assert (entry["site"], entry["server"]["hostname"]) == ("a", "n")
    entry = json.loads(EntryWriter(LoggerConfig(log_format_extra={"place": "b"}), told, "n")(ex, 1001.0))
    assert entry["place"] == "b"
    assert "site" not in entry


def test_expressions_are_checked() -> None:
    """A condition that cannot be read is told by its field."""
    [problem] = check_expressions(LoggerConfig(include_req_body_expr=[["a", "?", 1]]))
    assert problem.startswith("include_req_body_expr: ")
    assert check_expressions(LoggerConfig()) == []


async def test_a_condition_on_a_body_that_is_gone_does_not_hold() -> None:
    """Bodies that were streamed through cannot be asked any more."""
    ex = await finished_exchange(headers={"content-length": "5", "content-type": "application/json"})
    assert not compile_condition([["post_arg.model", "==", "x"]])(ex)
    assert compile_condition(None)(ex)


async def test_the_reply_when_asked_for() -> None:
    """Whole replies and streams are shown up to the limit; the client gets all of it; compressed ones are not shown."""
    write = EntryWriter(LoggerConfig(include_resp_body=True, max_resp_body_bytes=7), None, "n")
    ex = await finished_exchange()
    ex.reply = Reply(200, [], b"whole reply")
    write.keep_reply(ex, ex.reply)
    assert json.loads(write(ex, 1001.0))["response"]["body"] == "whole r"
    closed = []

    async def pieces() -> AsyncIterator[bytes]:
        try:
            for piece in (b"data: ", b"one", b"two"):
                yield piece
        finally:
            closed.append(True)

    ex.reply = Reply(200, [], stream=pieces())
    write.keep_reply(ex, ex.reply)
    assert ex.reply.stream is not None
    assert [piece async for piece in ex.reply.stream] == [b"data: ", b"one", b"two"]
    assert json.loads(write(ex, 1001.0))["response"]["body"] == "data: o"
    ex.reply = Reply(200, [("content-encoding", "gzip")], b"\x1f\x8b")
    assert json.loads(write(ex, 1001.0))["response"]["body"] == "(compressed with gzip)"
    assert closed == [True]


async def test_a_client_that_leaves_closes_the_stream_behind_the_log() -> None:
    """Closing what the server reads closes the upstream's side."""
    write = EntryWriter(LoggerConfig(include_resp_body=True), None, "n")
    ex = await finished_exchange()
    closed = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x"
        finally:
            closed.append(True)

    reply = Reply(200, [], stream=endless())
    write.keep_reply(ex, reply)
    assert reply.stream is not None
    assert await anext(reply.stream) == b"x"
    await reply.stream.aclose()  # type: ignore[attr-defined]
    assert closed == [True]


async def test_replies_are_left_alone_otherwise() -> None:
    """Without the option, or where its expression does not hold, no body is kept or shown."""
    ex = await finished_exchange()
    ex.reply = Reply(200, [], b"body")
    for config in (LoggerConfig(), LoggerConfig(include_resp_body=True, include_resp_body_expr=[["status", ">", 399]])):
        write = EntryWriter(config, None, "n")
        write.keep_reply(ex, ex.reply)
        assert "body" not in json.loads(write(ex, 1001.0))["response"]
