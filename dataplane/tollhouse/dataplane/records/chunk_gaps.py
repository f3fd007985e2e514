"""How long the pieces of a stream are apart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

MOST_GAPS = 10_000
"""Of one answer; a longer one is measured by its beginning."""


async def watch_gaps(
    stream: AsyncIterator[bytes], gaps_s: list[float], now: Callable[[], float]
) -> AsyncIterator[bytes]:
    """The stream itself, with the seconds between its pieces put into the list; closing it closes the inner one."""
    last_s: float | None = None
    try:
        async for piece in stream:
            at_s = now()
            if last_s is not None and len(gaps_s) < MOST_GAPS:
                gaps_s.append(at_s - last_s)
            last_s = at_s
            yield piece
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
