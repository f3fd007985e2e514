"""Real clients through a real gateway: run by ``make clients``, which installs them and prints the matrix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client_gateway import ClientGateway

INSTALLED = os.environ.get("TOLLHOUSE_CLIENTS", "")
collect_ignore_glob = [] if INSTALLED else ["test_*.py"]

SEVEN = ("chat", "stream", "tools", "structured", "image", "error", "cancel")
"""What every client is tried with; the rest only coding agents do."""

MATRIX: dict[tuple[str, str], dict[str, str]] = {}
"""(client, native or crossed) -> feature -> cell."""


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientGateway]:
    """One gateway for all clients."""
    made = ClientGateway(tmp_path_factory.mktemp("gateway"))
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture(autouse=True)
def healthy(gateway: ClientGateway) -> None:
    """Every test begins with healthy providers."""
    gateway.reset()


@pytest.fixture(scope="session")
def installed() -> Path:
    """Where the clients are installed. The programs are put beside the packages, where Node looks for them."""
    folder = Path(INSTALLED)
    shutil.copytree(Path(__file__).parent / "programs", folder / "programs", dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def matrix() -> dict[tuple[str, str], dict[str, str]]:
    """Where tests write their cells."""
    return MATRIX


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the matrix."""
    if not MATRIX:
        return
    features = list(dict.fromkeys((*SEVEN, *(name for cells in MATRIX.values() for name in cells))))
    terminalreporter.section("client matrix")
    terminalreporter.write_line(f"{'client':<28}{'mode':<9}" + "".join(f"{name:<12}" for name in features))
    for (client, mode), cells in MATRIX.items():
        row = "".join(f"{cells.get(name, '-'):<12}" for name in features)
        terminalreporter.write_line(f"{client:<28}{mode:<9}{row}")
    terminalreporter.write_line("-: nothing a client of this kind does")
