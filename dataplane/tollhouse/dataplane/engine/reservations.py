"""What has been spent and what is held, per budget key and window. Pure: one atomic step per call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tollhouse.dataplane.spending import Claim, Granted, Outcome


@dataclass(slots=True)
class Bucket:
    """The units of one key in one bucket."""

    spent: int = 0
    held: int = 0
    """Reserved by attempts under way."""
    doubt: int = 0
    """What providers may bill beyond ``spent`` for answers that were not seen to their end."""
    expires: int = 0


class Reservations:
    """Totals and open reservations. Not shared between threads."""

    def __init__(self) -> None:
        self.totals: dict[str, dict[int, Bucket]] = {}
        self.open: dict[str, tuple[Claim, ...]] = {}

    def used(self, claim: Claim) -> int:
        """Units that count against a claim now."""
        buckets = self.totals.get(claim.key)
        if not buckets:
            return 0
        return sum(one.spent + one.held for start, one in buckets.items() if start >= claim.since)

    def take(self, reservation: str, claims: tuple[Claim, ...]) -> Granted:
        """All claims, or none."""
        if reservation in self.open:
            return Granted(True, tuple(self.used(claim) for claim in claims))
        used = [self.used(claim) for claim in claims]
        for index, claim in enumerate(claims):
            if claim.enforced and used[index] + claim.units > claim.limit:
                return Granted(False, tuple(used), index)
        self.hold(reservation, claims)
        return Granted(True, tuple(before + claim.units for before, claim in zip(used, claims, strict=True)))

    def hold(self, reservation: str, claims: tuple[Claim, ...]) -> None:
        """Take without asking whether it fits."""
        for claim in claims:
            bucket = self._bucket(claim)
            bucket.held += claim.units
        self.open[reservation] = claims

    def settle(self, reservation: str, outcomes: tuple[Outcome, ...]) -> bool:
        """Replace what is held by what it came to; missing outcomes give all back. False: there is no such open
        reservation (any more), and nothing is done."""
        claims = self.release(reservation)
        if claims is None:
            return False
        self.spend(claims, outcomes)
        return True

    def release(self, reservation: str) -> tuple[Claim, ...] | None:
        """Give back what is held; what that was, or None."""
        claims = self.open.pop(reservation, None)
        if claims is not None:
            for claim in claims:
                bucket = self._bucket(claim)
                bucket.held = max(0, bucket.held - claim.units)
        return claims

    def spend(self, claims: tuple[Claim, ...], outcomes: tuple[Outcome, ...]) -> None:
        """Count what claims came to."""
        for claim, outcome in zip(claims, outcomes, strict=False):
            bucket = self._bucket(claim)
            bucket.spent += outcome.units
            bucket.doubt += outcome.doubt

    def said(self, claims: tuple[Claim, ...]) -> tuple[Bucket, ...]:
        """The buckets of claims as they are."""
        return tuple(self._bucket(claim) for claim in claims)

    def raise_to(self, key: str, start: int, told: Bucket) -> bool:
        """Have a bucket say no less than was told; whether that changed it. What is held stays."""
        buckets = self.totals.setdefault(key, {})
        bucket = buckets.get(start)
        if bucket is None:
            bucket = buckets[start] = Bucket(expires=told.expires)
        if told.spent <= bucket.spent and told.doubt <= bucket.doubt:
            return False
        bucket.spent = max(bucket.spent, told.spent)
        bucket.doubt = max(bucket.doubt, told.doubt)
        return True

    def _bucket(self, claim: Claim) -> Bucket:
        buckets = self.totals.setdefault(claim.key, {})
        bucket = buckets.get(claim.bucket)
        if bucket is None:
            bucket = buckets[claim.bucket] = Bucket()
        bucket.expires = claim.expires
        return bucket

    def sweep(self, now: float) -> None:
        """Forget buckets that no window reaches any more."""
        for key, buckets in list(self.totals.items()):
            for start, bucket in list(buckets.items()):
                if bucket.expires and bucket.expires <= now and not bucket.held:
                    del buckets[start]
            if not buckets:
                del self.totals[key]

    def __iter__(self) -> Iterator[tuple[str, int, Bucket]]:
        for key, buckets in self.totals.items():
            for start, bucket in buckets.items():
                yield key, start, bucket
