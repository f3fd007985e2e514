"""Replies on the wire."""

from __future__ import annotations

import json

import pytest
from tollhouse.dataplane.runtime.server.output import BrokenReply, date_line, has_no_body, refusal, reply_head

DATE = "date: Thu, 01 Jan 1970 00:00:00 GMT"


def test_a_head_says_how_the_reply_ends():
    head = reply_head(200, [("x", "1"), ("content-length", "9")], 5, DATE, close=False, chunked=False)
    assert head == f"HTTP/1.1 200 OK\r\n{DATE}\r\nserver: tollhouse\r\nx: 1\r\ncontent-length: 5\r\n\r\n".encode()
    assert reply_head(200, [], None, DATE, close=True, chunked=True).endswith(
        b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    )


def test_an_unknown_status_is_sent_without_a_phrase():
    assert reply_head(529, [], 0, DATE, close=False, chunked=False).startswith(b"HTTP/1.1 529 \r\n")


def test_bytes_that_are_no_utf8_pass_through():
    assert b"x: \xff\r\n" in reply_head(200, [("x", "\udcff")], 0, DATE, close=False, chunked=False)


@pytest.mark.parametrize("pair", [("x", "a\r\nb: c"), ("x\r\ny", "a"), ("x", "a\n"), ("x", "\r"), ("x", "\0")])
def test_a_header_that_would_split_the_reply_is_refused(pair):
    with pytest.raises(BrokenReply):
        reply_head(200, [pair], 0, DATE, close=False, chunked=False)


def test_a_refusal_is_json_and_ends_the_connection():
    head, _, body = refusal(400, "bad_request", "No.", DATE).partition(b"\r\n\r\n")
    assert b"connection: close" in head
    told = json.loads(body)
    assert told["error"]["code"] == "bad_request"
    assert told["error_msg"] == "No."


def test_the_date_is_http_s():
    assert date_line().startswith("date: ")
    assert date_line().endswith(" GMT")


def test_which_replies_have_no_body():
    assert [status for status in (100, 200, 204, 304, 404) if has_no_body(status)] == [100, 204, 304]
