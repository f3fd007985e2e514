"""A bench per test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.dispatching import Bench, bench


@pytest.fixture
async def gate() -> AsyncIterator[Bench]:
    """A gateway with a real transport."""
    async with bench() as made:
        yield made
