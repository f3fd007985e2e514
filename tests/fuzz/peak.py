"""A pytest plugin that tells how much memory the process needed at most."""

import resource
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where to tell it."""
    parser.addoption("--peak-file")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """KB, as the kernel counts them."""
    told = session.config.getoption("--peak-file")
    if told:
        Path(told).write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
