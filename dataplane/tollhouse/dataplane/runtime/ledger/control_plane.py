"""How a node reaches the control plane, and what it asks the ledger there."""

from __future__ import annotations

from typing import Any

import grpc
from tollhouse.dataplane.engine.reservations import Bucket
from tollhouse.dataplane.runtime import channels
from tollhouse.dataplane.runtime.counts.shared_budgets import Counted
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.settings import Settings
from tollhouse.proto.admin.v1 import spend_pb2, spend_pb2_grpc

ANSWER_S = 20.0


def open_channel(settings: Settings) -> Any:
    """A channel to the control plane; the caller closes it."""
    options = [("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", 64 << 20)]
    return channels.open_channel(settings, settings.control_plane, settings.control_plane_ca, options)


class LedgerCounts:
    """What the ledger says was counted on each budget."""

    def __init__(self, settings: Settings, node: str = "") -> None:
        """``node``: only what this node counted; empty: all of them."""
        self._settings = settings
        self._node = node

    async def fetch(self) -> list[Counted]:
        """What each node counted in windows that are not over. Raises CounterUnavailable."""
        settings = self._settings
        found: list[Counted] = []
        channel = open_channel(settings)
        try:
            stub = spend_pb2_grpc.SpendServiceStub(channel)
            key = settings.key_for_control_plane
            metadata = (("x-api-key", key),) if key else ()
            wanted = spend_pb2.CountsRequest(node=self._node)
            async for piece in stub.Counts(wanted, metadata=metadata, timeout=ANSWER_S):
                found += [
                    (one.node, one.key, one.bucket, Bucket(one.units, 0, one.doubt, one.expires))
                    for one in piece.counts
                ]
        except grpc.RpcError as error:
            code = getattr(error, "code", str)()
            raise CounterUnavailable(f"the control plane's ledger does not answer: {code}") from None
        finally:
            await channel.close()
        return found
