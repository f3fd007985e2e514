"""Counts of budgets kept by another node of the fleet: the same steps, over gRPC."""

from __future__ import annotations

import time
from typing import Any, TypeVar

import grpc
import msgspec
from tollhouse.dataplane.engine.reservations import Bucket
from tollhouse.dataplane.runtime.channels import open_channel
from tollhouse.dataplane.runtime.counts.pause import NotAsked, Pause
from tollhouse.dataplane.runtime.counts.shared_budgets import Counted, Forgot, Life
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.settings import Settings
from tollhouse.dataplane.spending import Claim, Granted, Outcome
from tollhouse.proto.admin.v1 import spend_pb2, spend_pb2_grpc

TOTALS_S = 10.0


class TakeStep(msgspec.Struct, frozen=True, array_like=True, tag="take"):
    """All claims, or none. Answered by ``Granted``; by nothing where the counts live another life."""

    reservation: str
    claims: tuple[Claim, ...]
    life: str = ""


class SettleStep(msgspec.Struct, frozen=True, array_like=True, tag="settle"):
    """What a reservation came to. Answered by True."""

    reservation: str
    outcomes: tuple[Outcome, ...]


class LifeStep(msgspec.Struct, frozen=True, array_like=True, tag="life"):
    """Which life of the counts is this? Answered by ``Life``."""


class TotalsStep(msgspec.Struct, frozen=True, array_like=True, tag="totals"):
    """Everything that is counted. Answered by a list of (key, bucket, units)."""


class TellStep(msgspec.Struct, frozen=True, array_like=True, tag="tell"):
    """Has anybody told of this? Answered by whether nobody has."""

    name: str


Step = TakeStep | SettleStep | LifeStep | TotalsStep | TellStep
STEPS = msgspec.msgpack.Decoder(Step)
encode = msgspec.msgpack.Encoder().encode

_GRANTED: Any = Granted | None

T = TypeVar("T")


class RemoteBudgets:
    """The node at ``address`` counts. Methods raise CounterUnavailable, and never hang."""

    def __init__(self, address: str, node_id: str, settings: Settings, timeout_s: float = 1.0) -> None:
        self._address = address
        self._node_id = node_id
        self._settings = settings
        self._timeout_s = timeout_s
        self._pause = Pause()
        self._channel: Any = None
        self._stub: Any = None

    @property
    def reachable(self) -> bool:
        """Whether the last operation went well."""
        return self._pause.failures == 0

    async def take(self, reservation: str, claims: tuple[Claim, ...], life: str = "") -> Granted:
        """See ``SharedBudgets``."""
        granted: Granted | None = await self._do(TakeStep(reservation, claims, life), _GRANTED)
        if granted is None:
            raise Forgot
        return granted

    async def settle(
        self, reservation: str, claims: tuple[Claim, ...], outcomes: tuple[Outcome, ...], said: tuple[Bucket, ...]
    ) -> None:
        """See ``SharedBudgets``; that node's journal forgets no reservation."""
        await self._do(SettleStep(reservation, outcomes), bool)

    async def life(self) -> Life:
        """See ``SharedBudgets``."""
        return await self._do(LifeStep(), Life)

    async def raise_to(self, counted: list[Counted]) -> int:
        """Nothing: that node asks the ledger itself."""
        return 0

    async def by_node(self) -> list[Counted]:
        """Nothing: it does not tell nodes apart."""
        return []

    async def totals(self) -> list[tuple[str, int, Bucket]]:
        """See ``SharedBudgets``."""
        return await self._do(TotalsStep(), list[tuple[str, int, Bucket]], TOTALS_S)

    async def first_to_tell(self, name: str) -> bool:
        """See ``SharedBudgets``."""
        return await self._do(TellStep(name), bool)

    async def _do(self, step: Step, answer: type[T], timeout_s: float = 0.0) -> T:
        if not self._pause.closed(time.monotonic()):
            raise NotAsked(f"{self._address}: not reachable, trying again soon")
        if self._stub is None:
            self._channel = self._open()
            self._stub = spend_pb2_grpc.BudgetServiceStub(self._channel)
        key = self._settings.admin_key
        metadata = (("x-api-key", key),) if key else ()
        request = spend_pb2.CountRequest(node=self._node_id, step=encode(step))
        try:
            reply = await self._stub.Count(request, metadata=metadata, timeout=timeout_s or self._timeout_s)
        except grpc.RpcError as error:
            self._pause.failed(time.monotonic())
            told = getattr(error, "details", lambda: "")() or getattr(error, "code", str)()
            raise CounterUnavailable(f"the node that counts, {self._address}: {told}") from None
        self._pause.succeeded()
        return msgspec.msgpack.decode(reply.answer, type=answer)

    def _open(self) -> Any:
        options = [("grpc.enable_http_proxy", 0), ("grpc.max_reconnect_backoff_ms", 1000)]
        options += [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.min_reconnect_backoff_ms", 100)]
        return open_channel(self._settings, self._address, self._settings.budget_store_ca, options)

    async def close(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            await self._channel.close()
