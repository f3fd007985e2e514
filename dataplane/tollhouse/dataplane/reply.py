"""What goes back to the client: a status, headers, and a body that is either whole or a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator

JSON = ("content-type", "application/json")
"""The header of a JSON body."""


class Reply:
    """One reply. Exactly one of ``body`` and ``stream`` is meaningful; ``stream`` wins when set.

    ``headers`` holds (name, value) pairs with lower-case names, without framing headers: the server adds those.
    Pieces of a stream are flushed one by one; the server closes the iterator (``aclose``) when the client leaves.
    """

    __slots__ = ("body", "headers", "status", "stream")

    def __init__(
        self,
        status: int = 200,
        headers: list[tuple[str, str]] | None = None,
        body: bytes = b"",
        stream: AsyncIterator[bytes] | None = None,
    ) -> None:
        self.status = status
        self.headers: list[tuple[str, str]] = headers if headers is not None else []
        self.body = body
        self.stream = stream

    def header(self, name: str) -> str | None:
        """The first value of a header (lower-case name)."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    def set_header(self, name: str, value: str) -> None:
        """Replace all values of a header (lower-case name) by one."""
        self.headers = [pair for pair in self.headers if pair[0] != name]
        self.headers.append((name, value))
