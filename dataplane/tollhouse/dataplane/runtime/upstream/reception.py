"""Takes one response after the other off a connection's bytes, and believes only what can be read in one way."""

from __future__ import annotations

from typing import Any

import httptools
from tollhouse.dataplane.runtime.upstream.framing import (
    MAX_HEAD_BYTES,
    MAX_INTERIM_RESPONSES,
    FramingError,
    body_length,
    check_status,
    header_name,
    header_value,
    keep_alive_hint,
)
from tollhouse.dataplane.runtime.upstream.response import LeanResponse


class Reception:
    """httptools' parser and what it has told so far. Lives as long as its connection."""

    __slots__ = (
        "_bare_bytes",
        "_codings",
        "_head_bytes",
        "_headers",
        "_interim",
        "_lengths",
        "_method",
        "_parser",
        "_response",
        "complete",
        "excess",
        "head_done",
        "idle_hint_s",
        "keep_alive",
        "until_close",
    )

    def __init__(self) -> None:
        self._parser: Any = httptools.HttpResponseParser(self)
        self._response: LeanResponse | None = None
        self._method = ""
        self._head_bytes = self._bare_bytes = self._interim = 0
        self._headers: list[tuple[str, str]] = []
        self._lengths: list[str] = []
        self._codings: list[str] = []
        self.head_done = False
        self.complete = False
        self.keep_alive = False
        """Whether the server will take another request; meaningful once ``complete``."""
        self.until_close = False
        """The body ends with the connection."""
        self.excess = False
        """Bytes came that belong to no response."""
        self.idle_hint_s: float | None = None
        """How long the server says it keeps an idle connection."""

    def expect(self, method: str, response: LeanResponse) -> None:
        """The next bytes are the answer to a request."""
        if self._method == "HEAD":
            self._parser = httptools.HttpResponseParser(self)  # the old one waits for a body that was never meant
        self._method = method
        self._response = response
        self._head_bytes = self._bare_bytes = self._interim = 0
        self._headers, self._lengths, self._codings = [], [], []
        self.head_done = self.complete = self.keep_alive = self.until_close = self.excess = False

    def feed(self, data: bytes) -> None:
        """Raises FramingError unless the response was complete before the bytes went wrong."""
        response = self._response
        buffered = -1  # before the end of a head, whatever follows it counts as body
        in_head = not self.head_done
        if in_head:
            self._head_bytes += len(data)
        elif response is not None:
            buffered = response.buffered
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.complete:
                cause = error.__context__ if isinstance(error.__context__, FramingError) else error
                raise FramingError(str(cause)) from None
            self.excess = True
        if in_head and self._head_bytes > MAX_HEAD_BYTES and not (self.head_done and self._is_short(data)):
            raise FramingError(f"the head is longer than {MAX_HEAD_BYTES} bytes")
        if not self.head_done:
            pass
        elif response is None or response.buffered != buffered:
            self._bare_bytes = 0
        elif not self.complete:
            self._bare(len(data))

    def _is_short(self, data: bytes) -> bool:
        """Whether a head that ended in these bytes was within its bound: what its lines hold is counted elsewhere, what
        stands behind the status is not."""
        ends = [place for place in (data.find(b"\r\n\r\n"), data.find(b"\n\n")) if place >= 0]
        return self._head_bytes - len(data) + min(ends, default=0) <= MAX_HEAD_BYTES

    @property
    def begun(self) -> bool:
        """Whether anything of an answer has come."""
        return self._head_bytes > 0

    def _bare(self, size: int) -> None:
        """Bytes of chunk extensions and trailers, which frame a body but are none: they end, like a head."""
        self._bare_bytes += size
        if self._bare_bytes > MAX_HEAD_BYTES:
            raise FramingError(f"more than {MAX_HEAD_BYTES} bytes of chunk extensions or trailers")

    def drop(self) -> None:
        """The connection is gone: parser and this hold each other."""
        self._parser = None
        self._response = None

    # -- what httptools calls

    def on_message_begin(self) -> None:
        """A message starts."""
        if self.complete:
            self.excess = True
            raise FramingError("a second answer to one request")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or a trailer, which is dropped."""
        if self.head_done:
            self._bare(len(name) + len(value))
            return
        key = header_name(name)
        text = header_value(value)
        self._headers.append((key, text))
        if key == "content-length":
            self._lengths.append(text)
        elif key == "transfer-encoding":
            self._codings.append(text)
        elif key == "keep-alive":
            self.idle_hint_s = keep_alive_hint(text)

    def on_headers_complete(self) -> None:
        """The head is through: decide how the body ends."""
        status = self._parser.get_status_code()
        check_status(status)
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise FramingError(f"HTTP/{version}, expected HTTP/1.1")
        if sum(len(name) + len(value) + 4 for name, value in self._headers) > MAX_HEAD_BYTES:
            raise FramingError(f"the head is longer than {MAX_HEAD_BYTES} bytes")
        length, chunked = body_length(self._lengths, self._codings, version)
        if status < 200:
            if chunked or length:
                raise FramingError(f"an interim answer ({status}) that announces a body")
            self._interim += 1
            if self._interim > MAX_INTERIM_RESPONSES:
                raise FramingError(f"more than {MAX_INTERIM_RESPONSES} interim answers")
            return
        self.head_done = True
        bodiless = status == 204 or status == 304 or self._method == "HEAD"
        self.until_close = not bodiless and length is None and not chunked
        if self._response is not None:
            self._response.begin(status, self._headers)
        if self._method == "HEAD":  # the parser would wait for the body the headers speak of
            self.complete = True
            self.keep_alive = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if self.complete or self._response is None:
            self.excess = True
        else:
            self._response.feed(data)

    def on_message_complete(self) -> None:
        """The end of a response, or of an interim one."""
        if not self.head_done:
            self._headers, self._lengths, self._codings = [], [], []
        elif not self.complete:
            self.complete = True
            self.keep_alive = self._parser.should_keep_alive() and not self.until_close
