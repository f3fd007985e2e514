"""Whole systems: one per module for tests that leave it as it is, one per test for those that break it."""

from collections.abc import Iterator

import pytest

from tests.support.system import System


@pytest.fixture(scope="module")
def shared_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system for the tests of one module."""
    system = System(tmp_path_factory.mktemp("system"))
    try:
        yield system.start()
    finally:
        system.close()


@pytest.fixture
def system(shared_system: System) -> System:
    """The module's system, its simulators healthy and their logs empty."""
    shared_system.simulators.reset()
    return shared_system


@pytest.fixture
def own_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system of the test's own, to be broken; etcd keeps what it acknowledged over a kill."""
    system = System(tmp_path_factory.mktemp("system"), durable=True)
    try:
        yield system
    finally:
        system.close()
