"""What a store of budget counts outside of this process must do, and which one an operator's word means."""

from __future__ import annotations

from typing import Protocol

import msgspec
from tollhouse.dataplane.engine.reservations import Bucket
from tollhouse.dataplane.redis_place import place_of_address
from tollhouse.dataplane.settings import OTHER_NODE, OWN_COUNTS, Settings
from tollhouse.dataplane.spending import Claim, Granted, Outcome

Counted = tuple[str, str, int, Bucket]
"""What a node counted in a bucket of a key."""


class Life(msgspec.Struct, frozen=True, array_like=True):
    """From one loss of memory to the next."""

    name: str
    """Another one than before: what was acknowledged lately may be gone."""
    young: bool = False
    """It began so lately that other nodes may not know it yet."""


class Forgot(Exception):
    """The store lives another life."""


class SharedBudgets(Protocol):
    """A store outside of this process. Methods raise CounterUnavailable, and never hang."""

    @property
    def reachable(self) -> bool:
        """Whether the last operation went well."""

    async def take(self, reservation: str, claims: tuple[Claim, ...], life: str = "") -> Granted:
        """All claims, or none; one that is taken already is granted again and counted once. Raises Forgot, and takes
        nothing, when the store lives another life than the one given."""

    async def settle(
        self, reservation: str, claims: tuple[Claim, ...], outcomes: tuple[Outcome, ...], said: tuple[Bucket, ...]
    ) -> None:
        """Replace what is held by what it came to; ``said``: what this node has counted by now in the buckets of the
        claims, this included. Done twice it counts once, also when the store forgot the first time."""

    async def life(self) -> Life:
        """Which one this is."""

    async def raise_to(self, counted: list[Counted]) -> int:
        """Have buckets say no less than was counted by nodes; how many that changed."""

    async def by_node(self) -> list[Counted]:
        """What each node has counted, where the store tells them apart."""

    async def totals(self) -> list[tuple[str, int, Bucket]]:
        """Everything that is counted."""

    async def first_to_tell(self, name: str) -> bool:
        """Whether nobody has told of this yet."""

    async def close(self) -> None:
        """Close the connections."""


def open_shared(settings: Settings, node_id: str, timeout_s: float = 1.0) -> SharedBudgets | None:
    """The store the settings name; None: this process counts. Raises ValueError."""
    store = settings.budget_store
    if store in OWN_COUNTS:
        return None
    if store.startswith(OTHER_NODE):
        from tollhouse.dataplane.runtime.counts.remote_budgets import RemoteBudgets

        return RemoteBudgets(store.removeprefix(OTHER_NODE), node_id, settings, timeout_s)
    # Most nodes have no Redis, and its client takes a while to load.
    from tollhouse.dataplane.runtime.counts.redis_budgets import RedisBudgets

    return RedisBudgets(place_of_address(store, timeout_s), node_id)
