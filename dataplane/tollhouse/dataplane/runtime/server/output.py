"""What replies look like on the wire."""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus

import msgspec

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}" for status in HTTPStatus}
_FRAMING = frozenset(("content-length", "transfer-encoding", "connection", "keep-alive"))
SERVER = "server: tollhouse"


class BrokenReply(Exception):
    """A reply that cannot be sent to its end: its stream broke, or its headers hold a line break or NUL and would let
    their author write the rest of the reply."""


def reply_head(
    status: int, headers: Iterable[tuple[str, str]], length: int | None, date: str, *, close: bool, chunked: bool
) -> bytes:
    """The head of a reply. ``length`` None: without content-length. Framing headers among ``headers`` are dropped.
    Raises BrokenReply."""
    line = _STATUS_LINES.get(status)
    lines = [line or f"HTTP/1.1 {status} ", date, SERVER]
    for name, value in headers:
        if name not in _FRAMING:
            lines.append(f"{name}: {value}")
    if length is not None:
        lines.append(f"content-length: {length}")
    elif chunked:
        lines.append("transfer-encoding: chunked")
    if close:
        lines.append("connection: close")
    breaks = len(lines) + 1
    lines.append("\r\n")
    head = "\r\n".join(lines)
    if head.count("\n") != breaks or head.count("\r") != breaks or "\0" in head:
        raise BrokenReply
    return head.encode("utf-8", "surrogateescape")


def date_line() -> str:
    """The Date header of this second."""
    return f"date: {formatdate(usegmt=True)}"


def refusal(status: int, code: str, message: str, date: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """A whole reply of the server itself, readable by OpenAI-style and APISIX-style clients; the connection ends."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    body = msgspec.json.encode({"error": error, "error_msg": message})
    pairs = (("content-type", "application/json"), *headers)
    return reply_head(status, pairs, len(body), date, close=True, chunked=False) + body


def has_no_body(status: int) -> bool:
    """Statuses whose replies end with the head."""
    return status == 204 or status == 304 or status < 200
