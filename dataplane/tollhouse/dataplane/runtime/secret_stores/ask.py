"""One HTTP request to a secret store. What comes back is never logged, nor put into an error."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

TIMEOUT_S = 5.0
LARGEST = 1 << 20


class StoreError(Exception):
    """A secret cannot be had; the text says why, and holds nothing of it."""


class Asking:
    """The HTTP side of all stores. One per node; ``close`` it."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[str, bool], aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Let go of connections."""
        for session in self._sessions.values():
            await session.close()

    async def json(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        ca_file: str = "",
        verify: bool = True,
    ) -> Any:
        """The answer's JSON. Raises StoreError."""
        host = urlsplit(url).netloc
        try:
            session = self._session(ca_file, verify)
            async with session.request(method, url, headers=headers, data=body, allow_redirects=False) as answer:
                content = await answer.content.read(LARGEST)
                while not answer.content.at_eof() and len(content) < LARGEST:
                    content += await answer.content.read(LARGEST)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise StoreError(f"{host} cannot be reached ({type(error).__name__})") from None
        if answer.status != 200:
            raise StoreError(f"{host} answered {answer.status}{_reason(answer.status)}")
        try:
            return msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise StoreError(f"{host} answered something else than JSON") from None

    def _session(self, ca_file: str, verify: bool) -> aiohttp.ClientSession:
        found = self._sessions.get((ca_file, verify))
        if found is None:
            context: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca_file or None) if verify else False
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
            connector = aiohttp.TCPConnector(ssl=context)
            found = self._sessions[ca_file, verify] = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return found


def _reason(status: int) -> str:
    told = {403: "the credentials may not read it", 401: "the credentials are not good", 404: "there is no such secret"}
    return f": {told[status]}" if status in told else ""


def fields_of(value: Any) -> dict[str, str]:
    """A secret's fields as texts; what is no object has none."""
    if not isinstance(value, dict):
        return {}
    return {
        name: inner if isinstance(inner, str) else msgspec.json.encode(inner).decode() for name, inner in value.items()
    }
