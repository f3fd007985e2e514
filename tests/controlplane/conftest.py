"""A control plane of the test's own, over a real etcd."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.controlplane.plane import Plane
from tests.support.etcd_server import EtcdServer, etcd, shared_etcd

__all__ = ["etcd", "plane", "shared_etcd"]


@pytest.fixture
async def plane(shared_etcd: EtcdServer) -> AsyncIterator[Plane]:
    """REST and gRPC over an empty prefix of the shared etcd."""
    one = Plane(shared_etcd.endpoint)
    await one.start()
    yield one
    await one.close()
