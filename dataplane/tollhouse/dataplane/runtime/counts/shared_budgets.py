"""What a store of budget counts outside of this process must do."""

from __future__ import annotations

from typing import Protocol

import msgspec
from tollhouse.dataplane.engine.reservations import Bucket
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
