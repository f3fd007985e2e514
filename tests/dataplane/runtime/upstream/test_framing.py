"""Heads as they are written and believed."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.runtime.upstream.framing import (
    FramingError,
    body_length,
    check_status,
    header_value,
    keep_alive_hint,
    request_head,
)
from tollhouse.dataplane.transport import TransportError


def test_a_head_has_the_framing_that_was_meant():
    head = request_head("POST", "/a?b", "h:1", [("x", "1"), ("Content-Length", "9"), ("transfer-encoding", "x")], 3)
    assert head == b"POST /a?b HTTP/1.1\r\nhost: h:1\r\nx: 1\r\ncontent-length: 3\r\n\r\n"


def test_a_given_host_is_kept():
    assert b"\r\nHost: other\r\n" in request_head("GET", "/", "h", [("Host", "other")], 0)


def test_a_body_of_unknown_length_is_chunked():
    assert request_head("PUT", "/", "h", [], None).endswith(b"\r\ntransfer-encoding: chunked\r\n\r\n")


@pytest.mark.parametrize("target", ["/a b", "/a\r\nx: y", "", "/\0"])
def test_a_target_that_would_split_the_line_is_refused(target):
    with pytest.raises(TransportError):
        request_head("GET", target, "h", [], 0)


def test_values_that_are_not_utf8_survive_a_round_trip():
    raw = b"caf\xe9 \xff"
    head = request_head("GET", "/", "h", [("x", header_value(raw))], 0)
    assert b"x: " + raw + b"\r\n" in head


@pytest.mark.parametrize(
    ("lengths", "codings", "version", "expected"),
    [(["5"], [], "1.1", (5, False)), ([], ["Chunked"], "1.1", (None, True)), ([], [], "1.0", (None, False))],
)
def test_honest_framing_is_understood(lengths, codings, version, expected):
    assert body_length(lengths, codings, version) == expected


@pytest.mark.parametrize(
    ("lengths", "codings", "version"),
    [
        (["5", "5"], [], "1.1"),
        (["5"], ["chunked"], "1.1"),
        ([], ["chunked", "chunked"], "1.1"),
        ([], ["identity"], "1.1"),
        ([], ["chunked"], "1.0"),
        (["0x5"], [], "1.1"),
        (["5 "], [], "1.1"),
        (["\N{ARABIC-INDIC DIGIT FIVE}"], [], "1.1"),
        ([""], [], "1.1"),
    ],
)
def test_framing_that_two_readers_could_read_in_two_ways_is_refused(lengths, codings, version):
    with pytest.raises(FramingError):
        body_length(lengths, codings, version)


@pytest.mark.parametrize("status", [0, 99, 101, 600, 999])
def test_odd_statuses_are_refused(status):
    with pytest.raises(FramingError):
        check_status(status)


@pytest.mark.parametrize(
    ("value", "seconds"), [("timeout=5", 5), ("max=3, Timeout=7", 7), ("max=3", None), ("x", None)]
)
def test_keep_alive_hints(value, seconds):
    assert keep_alive_hint(value) == seconds
