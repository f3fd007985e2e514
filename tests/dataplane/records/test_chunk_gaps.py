"""The time between the pieces of a stream."""

from collections.abc import AsyncIterator

from tollhouse.dataplane.records.chunk_gaps import watch_gaps


async def test_gaps_are_told_and_the_stream_is_untouched():
    """One less than there are pieces; who leaves early closes the inner stream."""
    closed: list[bool] = []
    times = iter((1.0, 1.5, 1.75))

    async def pieces() -> AsyncIterator[bytes]:
        try:
            for piece in (b"a", b"b", b"c"):
                yield piece
        finally:
            closed.append(True)

    gaps: list[float] = []
    assert [piece async for piece in watch_gaps(pieces(), gaps, lambda: next(times))] == [b"a", b"b", b"c"]
    assert gaps == [0.5, 0.25]
    early: list[float] = []
    watched = watch_gaps(pieces(), early, lambda: 0.0)
    assert await anext(watched) == b"a"
    await watched.aclose()  # type: ignore[attr-defined]
    assert (early, closed) == ([], [True, True])
