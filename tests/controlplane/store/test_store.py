"""What is written when etcd's answer is lost on its way."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.controlplane.store import store
from tollhouse.proto.etcd import EtcdClient, EtcdUnavailable, TxnResult

from tests.controlplane.plane import ROUTE, Plane

LOST = EtcdUnavailable("etcd: deadline exceeded", maybe_applied=True)


async def test_a_write_whose_answer_was_lost_is_found(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is answered as the success it was, with its true revision."""
    whole = EtcdClient.txn

    async def lose(self: EtcdClient, *arguments: Any, **more: Any) -> TxnResult:
        await whole(self, *arguments, **more)
        raise LOST

    monkeypatch.setattr(EtcdClient, "txn", lose)
    answer = await plane.call("PUT", "routes/1", ROUTE)
    assert answer.status == 201, answer.text
    assert (await plane.call("GET", "routes/1")).body["value"]["uri"] == ROUTE["uri"]


async def test_a_write_that_is_not_found_is_no_success(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it called a failure: it may be on its way still."""

    async def lose(self: EtcdClient, *arguments: Any, **more: Any) -> TxnResult:
        raise LOST

    monkeypatch.setattr(store, "LOOK_S", 0.1)
    monkeypatch.setattr(EtcdClient, "txn", lose)
    answer = await plane.call("PUT", "routes/1", ROUTE)
    assert answer.status == 503
    assert answer.body["error_msg"].endswith("whether it was written is not known: read it back")
