"""What may stand on the wire: request heads as they are written, and which response heads are believed."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.dataplane.transport import TransportError

MAX_HEAD_BYTES = 64 * 1024
"""A response head longer than this is refused."""

MAX_INTERIM_RESPONSES = 8
"""More 1xx responses than this before the real one are refused."""

_FRAMING_NAMES = frozenset(("content-length", "transfer-encoding"))
_NAMES: dict[bytes, str] = {}
"""Header names seen so far in lower case: providers send the same twenty names in every response."""
_MAX_NAMES = 1024


class FramingError(Exception):
    """A response head that cannot be believed."""


def request_head(
    method: str, target: str, host: str, headers: Sequence[tuple[str, str]], content_length: int | None
) -> bytes:
    """The bytes of a request head; ``content_length`` None means chunked. Headers that frame the message are ours to
    set and dropped from ``headers``. Raises TransportError when a part would break the head apart."""
    lines = [f"{method} {target} HTTP/1.1"]
    has_host = False
    for name, value in headers:
        size = len(name)
        if size == 4 and name.lower() == "host":
            has_host = True
        elif (size == 14 or size == 17) and name.lower() in _FRAMING_NAMES:
            continue
        lines.append(f"{name}: {value}")
    if not has_host:
        lines.insert(1, f"host: {host}")
    if content_length is None:
        lines.append("transfer-encoding: chunked")
    elif content_length or method not in ("GET", "HEAD", "OPTIONS", "DELETE"):
        lines.append(f"content-length: {content_length}")
    breaks = len(lines) + 1
    lines.append("\r\n")
    head = "\r\n".join(lines)
    # Counting line ends refuses every injected CR or LF at the price of three scans.
    if head.count("\n") != breaks or head.count("\r") != breaks or "\0" in head or target.count(" ") or not target:
        raise TransportError("send", "The request line or a header holds a line break, NUL or space; nothing was sent.")
    return head.encode("utf-8", "surrogateescape")


def header_name(raw: bytes) -> str:
    """A header name in lower case."""
    name = _NAMES.get(raw)
    if name is None:
        name = raw.decode("latin-1").lower()
        if len(_NAMES) < _MAX_NAMES:
            _NAMES[raw] = name
    return name


def header_value(raw: bytes) -> str:
    """A header value without surrounding blanks; bytes that are no UTF-8 survive a round trip."""
    return raw.decode("utf-8", "surrogateescape").strip(" \t")


def check_status(status: int) -> None:
    """Raises FramingError for status codes no HTTP/1.1 server sends us."""
    if status == 101:
        raise FramingError("the server switched protocols, which was not asked for")
    if not 100 <= status <= 599:
        raise FramingError(f"the status code is {status}, expected 100 to 599")


def body_length(lengths: list[str], codings: list[str], version: str) -> tuple[int | None, bool]:
    """``(content length, chunked)`` of a response by its framing headers. Raises FramingError when they conflict:
    two readers of such a response could disagree where it ends (RFC 9112 6.3)."""
    if codings:
        if lengths:
            raise FramingError("both content-length and transfer-encoding")
        if version != "1.1":
            raise FramingError(f"transfer-encoding in an HTTP/{version} response")
        if len(codings) > 1 or codings[0].lower() != "chunked":
            raise FramingError(f"transfer-encoding {', '.join(codings)[:80]!r}, expected chunked")
        return None, True
    if not lengths:
        return None, False
    if len(lengths) > 1:
        raise FramingError("more than one content-length")
    text = lengths[0]
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise FramingError(f"content-length {text[:40]!r} is not a number")
    return int(text), False


def keep_alive_hint(value: str) -> float | None:
    """Seconds a server promises to keep an idle connection (``Keep-Alive: timeout=5``), None when it does not say."""
    for part in value.split(","):
        name, _, number = part.strip().partition("=")
        if name.lower() == "timeout" and number.isascii() and number.isdigit():
            return float(number[:6])
    return None
