"""A bench, or a till, per test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.dispatching import Bench, bench
from tests.support.till import PlainBudgets, PlainLog, Till


@pytest.fixture
async def gate() -> AsyncIterator[Bench]:
    """A gateway with a real transport."""
    async with bench() as made:
        yield made


@pytest.fixture
async def till() -> AsyncIterator[Till]:
    """One that counts money and writes it down."""
    async with bench() as made:
        made.__class__ = Till
        assert isinstance(made, Till)
        made.services.budgets = made.budgets = PlainBudgets()
        made.services.attempt_log = made.log = PlainLog()
        yield made
