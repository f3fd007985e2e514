"""Brings usage records from the outboxes of a node to the control plane: at least once, in batches, acknowledged."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
from tollhouse.dataplane.chat import Special
from tollhouse.dataplane.runtime.counts.budget_authority import BudgetAuthority
from tollhouse.dataplane.runtime.counts.linked_budgets import ENVELOPE
from tollhouse.dataplane.runtime.ledger.control_plane import open_channel
from tollhouse.dataplane.runtime.ledger.outbox_reader import Entry, OutboxReader
from tollhouse.dataplane.runtime.link.messages import SettleAll, Spent
from tollhouse.dataplane.settings import Settings
from tollhouse.dataplane.spending import Claim, Closed, Opened, Outcome
from tollhouse.proto.admin.v1 import spend_pb2, spend_pb2_grpc

log = logging.getLogger("tollhouse.ledger")

POLL_S = 0.1
DEAD_S = 1.0
LARGEST_BATCH = 500
ACK_TIMEOUT_S = 20.0
LONGEST_PAUSE_S = 10.0


class Shipping:
    """One per node, in the supervisor. Without a control plane the records are let go once budgets are settled."""

    def __init__(self, settings: Settings, node_id: str, budgets: BudgetAuthority) -> None:
        self._settings = settings
        self._node_id = node_id
        self._budgets = budgets
        self.reader = OutboxReader(
            Path(settings.state_dir) / "outbox", self._settle, self._ended, lambda name: name in budgets.counts.open
        )
        budgets.repair.under_way = self._under_way
        self._sums: dict[str, list[Outcome]] = {}
        """Open envelope -> what the attempts out of it came to, as far as it was read."""
        self.shipped = 0
        self.failures = 0
        """Times in a row the control plane could not be reached."""
        self._wake = asyncio.Event()
        self._sequence = 0
        self._looked = 0.0

    # -- budgets of workers that died

    def _settle(self, opened: Opened, closed: Closed) -> None:
        if closed.once and closed.special is not None:
            answer = f"{opened.provider}/{closed.special.answer}"
            self._budgets.charge_once(answer, closed.once, closed.once_outcomes)
        envelope = opened.reservation
        if not envelope:
            self._budgets.settle(SettleAll(closed.id, closed.outcomes))
        elif self._settings.control_plane and envelope in self._budgets.counts.open:
            # A living worker settles it as a whole; this is for when it does not come to that.
            sums = self._sums.get(envelope)
            self._sums[envelope] = list(closed.outcomes) if sums is None else _added(sums, closed.outcomes)

    def told(self, message: Spent) -> None:
        """Where no records are kept, a living worker says now and then what its envelopes came to."""
        if message.reservation in self._budgets.counts.open:
            self._sums[message.reservation] = list(message.outcomes)

    def _under_way(self) -> Iterator[tuple[tuple[Claim, ...], list[Outcome]]]:
        """Open envelopes, and what the ledger may hold of them already."""
        for name, sums in self._sums.items():
            claims = self._budgets.counts.open.get(name)
            if claims is not None:
                yield claims, sums

    def _ended(self, series: str) -> None:
        """What a dead worker reserved and never wrote down was never sent; its envelopes come to what was written."""
        for name in [name for name in self._budgets.counts.open if name.rpartition("-")[0] == series]:
            self._budgets.settle(SettleAll(name, self._assumed(name, tuple(self._sums.pop(name, ())))))
        for name in [name for name in self._sums if name not in self._budgets.counts.open]:
            del self._sums[name]

    def _assumed(self, name: str, known: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
        """What a dead worker's reservation came to. Without records all an envelope holds may have been used since its
        worker last told."""
        if self._settings.control_plane or not name.rpartition("-")[2].startswith(ENVELOPE):
            return known
        claims = self._budgets.counts.open[name]
        pairs = zip(claims, known or (Outcome(0),) * len(claims), strict=True)
        return tuple(
            Outcome(max(came.units, claim.units) if claim.strict else came.units, max(0, claim.units - came.units))
            for claim, came in pairs
        )

    def worker_gone(self) -> None:
        """Look for its open attempts at once."""
        self._looked = 0.0
        self._wake.set()

    # -- running

    async def run(self) -> None:
        """Read and ship for ever."""
        reader = self.reader
        reader.poll(look_for_dead=True)
        for name in self._budgets.left_open:  # of workers whose files are gone
            if name.rpartition("-")[0] not in reader.series:
                self._budgets.settle(SettleAll(name, ()))
        sending: asyncio.Task[None] | None = None
        if self._settings.control_plane:
            sending = asyncio.get_running_loop().create_task(self._send_for_ever(), name="usage records")
        try:
            while True:
                self.look()
                if sending is None:
                    reader.stored(list(reader.waiting))
                    reader.waiting.clear()
                await asyncio.sleep(POLL_S)
        finally:
            if sending is not None:
                sending.cancel()

    def look(self) -> None:
        """Read what is new in the files."""
        now = time.monotonic()
        if len(self._sums) > 1000:
            self._sums = {name: sums for name, sums in self._sums.items() if name in self._budgets.counts.open}
        dead = now - self._looked >= DEAD_S
        if dead:
            self._looked = now
        try:
            self.reader.poll(look_for_dead=dead)
        except OSError as error:
            log.error("outbox not read: %s", error)
        if self.reader.waiting:
            self._wake.set()

    async def _send_for_ever(self) -> None:
        while True:
            try:
                await self._send()
            except grpc.RpcError as error:
                self._note(error)
            except (TimeoutError, OSError) as error:
                self._note(error)
            await asyncio.sleep(min(LONGEST_PAUSE_S, 0.2 * 2 ** min(self.failures, 6)))

    def _note(self, error: Exception) -> None:
        self.failures += 1
        if self.failures in (1, 10) or self.failures % 100 == 0:
            code = getattr(error, "code", lambda: "")()
            log.warning(
                "usage records wait in the outbox: the control plane does not take them",
                extra={"reason": str(code or error), "waiting": len(self.reader.waiting)},
            )

    async def _send(self) -> None:
        """Ship as long as the stream holds, from the first record on."""
        while not self.reader.waiting:
            self._wake.clear()
            await self._wake.wait()
        channel = open_channel(self._settings)
        outgoing: asyncio.Queue[Any] = asyncio.Queue()
        try:
            stub = spend_pb2_grpc.SpendServiceStub(channel)
            key = self._settings.key_for_control_plane
            metadata = (("x-api-key", key),) if key else ()
            call = stub.Intake(_drain(outgoing), metadata=metadata)
            while True:
                while not self.reader.waiting:
                    self._wake.clear()
                    await self._wake.wait()
                entries = [self.reader.waiting.popleft() for _ in range(min(LARGEST_BATCH, len(self.reader.waiting)))]
                try:
                    await self._ship(call, outgoing, entries)
                except BaseException:
                    self.reader.waiting.extendleft(reversed(entries))
                    raise
                self.reader.stored(entries)
                self.shipped += len(entries)
                self.failures = 0
        finally:
            await channel.close()

    async def _ship(self, call: Any, outgoing: asyncio.Queue[Any], entries: list[Entry]) -> None:
        self._sequence += 1
        records = [usage_record(entry) for entry in entries]
        outgoing.put_nowait(spend_pb2.UsageBatch(sequence=self._sequence, node=self._node_id, records=records))
        async with asyncio.timeout(ACK_TIMEOUT_S):
            ack = await call.read()
        if getattr(ack, "sequence", None) != self._sequence:  # EOF has none
            raise OSError("the control plane ended the stream")

    async def flush(self, limit_s: float) -> None:
        """Give what the ended workers wrote a chance to be shipped; what is not stays in the files."""
        deadline = time.monotonic() + limit_s
        self._looked = 0.0
        self.look()
        while self._settings.control_plane and not self.failures and time.monotonic() < deadline:
            if not self.reader.waiting and not self.reader.series:
                return
            await asyncio.sleep(0.05)
            self._looked = 0.0
            self.look()


def _added(sums: list[Outcome], more: tuple[Outcome, ...]) -> list[Outcome]:
    return [Outcome(a.units + b.units, a.doubt + b.doubt) for a, b in zip(sums, more, strict=True)]


async def _drain(outgoing: asyncio.Queue[Any]) -> AsyncIterator[Any]:
    while True:
        yield await outgoing.get()


def usage_record(entry: Entry) -> Any:
    """One attempt as it travels."""
    opened, closed = entry.opened, entry.closed
    return spend_pb2.UsageRecord(
        id=opened.id,
        started_ms=opened.at_ms,
        ended_ms=closed.at_ms,
        request=opened.request,
        attempt=opened.number,
        node=opened.node,
        consumer=opened.consumer,
        groups=opened.groups,
        route=opened.route,
        asked_model=opened.asked_model,
        provider=opened.provider,
        target=opened.target,
        session=opened.session,
        tags=opened.tags,
        revision=opened.revision,
        stream=opened.stream,
        outcome=closed.outcome,
        status=closed.status,
        first_byte_ms=closed.first_byte_ms,
        cost_nano_usd=closed.cost_nano,
        estimated=closed.estimated,
        input_tokens=closed.input_tokens,
        cached_tokens=closed.cached_tokens,
        cache_write_tokens=closed.cache_write_tokens,
        cache_write_1h_tokens=closed.cache_write_1h_tokens,
        output_tokens=closed.output_tokens,
        reasoning_tokens=closed.reasoning_tokens,
        cache_saved_nano_usd=closed.cache_saved_nano,
        routing_saved_nano_usd=closed.routing_saved_nano,
        **{"model": opened.model, "price_source": opened.price_source, **_special(closed.special)},
        counts=_counts(opened.claims, closed.outcomes),
        answer_counts=_counts(closed.once, closed.once_outcomes),
    )


def _counts(claims: tuple[Claim, ...], outcomes: tuple[Outcome, ...]) -> list[Any]:
    return [
        spend_pb2.BudgetCount(
            key=claim.key, bucket=claim.bucket, expires=claim.expires, units=came.units, doubt=came.doubt
        )
        for claim, came in zip(claims, outcomes, strict=False)
        if came.units or came.doubt
    ]


def _special(special: Special | None) -> dict[str, Any]:
    """The fields of a record that few have."""
    if special is None:
        return {}
    return {
        "service_tier": special.tier,
        "audio_input_tokens": special.audio_input,
        "audio_output_tokens": special.audio_output,
        "image_input_tokens": special.image_input,
        "image_output_tokens": special.image_output,
        "web_searches": special.web_searches,
        "answer": special.answer,
        "kept": special.kept,
        **({"model": special.model, "price_source": special.price_source} if special.model else {}),
    }
