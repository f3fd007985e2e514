"""Counts of budgets in a Redis that all nodes share: one Lua script per step, so that each is atomic and done once."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError
from tollhouse.dataplane.engine.reservations import Bucket
from tollhouse.dataplane.runtime.counts.redis_counts import Pause
from tollhouse.dataplane.services import CounterUnavailable
from tollhouse.dataplane.spending import Claim, Granted, Outcome

PREFIX = "tollhouse:{budgets}:"
"""All keys carry one hash tag: a step touches several of them."""

OPEN_MS = 7 * 86400 * 1000
"""How long an unsettled reservation is remembered."""
SETTLED_MS = 3600 * 1000
"""How long a settled one is, so that settling twice counts once."""

# KEYS: the reservation's mark, then one hash per claim. ARGV: what follows each claim, in the same order.
# A hash holds per bucket the fields <bucket> (spent), <bucket>:h (held), <bucket>:d (doubt).
TAKE = f"""
local used, n = {{}}, #KEYS - 1
local mark = redis.call('GET', KEYS[1])
local refused = 0
for i = 1, n do
  local at = (i - 1) * 6
  local units, limit, since = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 4])
  local fields, sum = redis.call('HGETALL', KEYS[i + 1]), 0
  for j = 1, #fields, 2 do
    local start, kind = string.match(fields[j], '^(%d+)(:?%a?)$')
    if kind ~= ':d' and tonumber(start) >= since then sum = sum + tonumber(fields[j + 1]) end
  end
  used[i] = sum
  if refused == 0 and ARGV[at + 6] == '1' and sum + units > limit then refused = i end
end
if mark then return {{1, 0, used}} end
if refused > 0 then return {{0, refused, used}} end
for i = 1, n do
  local at = (i - 1) * 6
  local units, bucket, expires = tonumber(ARGV[at + 1]), ARGV[at + 3], tonumber(ARGV[at + 5])
  redis.call('HINCRBY', KEYS[i + 1], bucket .. ':h', ARGV[at + 1])
  used[i] = used[i] + units
  if expires > 0 then redis.call('EXPIREAT', KEYS[i + 1], expires + 86400) end
end
redis.call('SET', KEYS[1], 'open', 'PX', {OPEN_MS})
return {{1, 0, used}}
"""

SETTLE = f"""
local mark, n = redis.call('GET', KEYS[1]), #KEYS - 1
if mark == 'done' then return 0 end
for i = 1, n do
  local at = (i - 1) * 5
  local bucket, expires = ARGV[at + 2], tonumber(ARGV[at + 5])
  if mark == 'open' then
    local left = redis.call('HINCRBY', KEYS[i + 1], bucket .. ':h', '-' .. ARGV[at + 1])
    if left <= 0 then redis.call('HDEL', KEYS[i + 1], bucket .. ':h') end
  end
  if ARGV[at + 3] ~= '0' then redis.call('HINCRBY', KEYS[i + 1], bucket, ARGV[at + 3]) end
  if ARGV[at + 4] ~= '0' then redis.call('HINCRBY', KEYS[i + 1], bucket .. ':d', ARGV[at + 4]) end
  if expires > 0 and redis.call('EXISTS', KEYS[i + 1]) == 1 then
    redis.call('EXPIREAT', KEYS[i + 1], expires + 86400)
  end
end
redis.call('SET', KEYS[1], 'done', 'PX', {SETTLED_MS})
return 1
"""


class RedisBudgets:
    """One Redis. Methods raise CounterUnavailable, and never hang."""

    def __init__(self, url: str, timeout_s: float = 1.0) -> None:
        self._timeout_s = timeout_s
        self._client: Any = Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
        self._take = self._client.register_script(TAKE)
        self._settle = self._client.register_script(SETTLE)
        self._pause = Pause()

    @property
    def reachable(self) -> bool:
        """Whether the last operation went well."""
        return self._pause.failures == 0

    async def take(self, reservation: str, claims: tuple[Claim, ...]) -> Granted:
        """All claims, or none."""
        arguments = [
            part
            for one in claims
            for part in (one.units, one.limit, one.bucket, one.since, one.expires, int(one.enforced))
        ]
        allowed, refused, used = await self._run(self._take, reservation, claims, arguments)
        return Granted(bool(allowed), tuple(int(one) for one in used), int(refused) - 1)

    async def settle(self, reservation: str, claims: tuple[Claim, ...], outcomes: tuple[Outcome, ...]) -> None:
        """Replace what is held by what it came to."""
        arguments = []
        for index, claim in enumerate(claims):
            outcome = outcomes[index] if index < len(outcomes) else Outcome(0)
            arguments += [claim.units, claim.bucket, outcome.units, outcome.doubt, claim.expires]
        await self._run(self._settle, reservation, claims, arguments)

    async def totals(self) -> list[tuple[str, int, Bucket]]:
        """Everything that is counted: (key, bucket, units)."""
        found: dict[tuple[str, int], Bucket] = {}
        begin = f"{PREFIX}k:"
        try:
            async with asyncio.timeout(max(5.0, self._timeout_s)):
                async for name in self._client.scan_iter(match=f"{begin}*", count=1000):
                    key = name.decode("utf-8", "surrogateescape")[len(begin) :]
                    for field, value in (await self._client.hgetall(name)).items():
                        start, _, kind = field.decode().partition(":")
                        bucket = found.setdefault((key, int(start)), Bucket())
                        setattr(bucket, {"": "spent", "h": "held", "d": "doubt"}[kind], int(value))
        except (RedisError, OSError, TimeoutError) as error:
            raise CounterUnavailable(f"redis: {error or type(error).__name__}") from None
        return [(key, start, bucket) for (key, start), bucket in found.items()]

    async def first_to_tell(self, name: str) -> bool:
        """Whether nobody has told of this yet (in the last 40 days: longer than any window)."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return bool(await self._client.set(f"{PREFIX}t:{name}", "1", nx=True, ex=40 * 86400))
        except (RedisError, OSError, TimeoutError) as error:
            raise CounterUnavailable(f"redis: {error or type(error).__name__}") from None

    async def _run(self, script: Any, reservation: str, claims: tuple[Claim, ...], arguments: list[Any]) -> Any:
        if not self._pause.closed(time.monotonic()):
            raise CounterUnavailable("redis: not reachable, trying again soon")
        keys = [f"{PREFIX}r:{reservation}", *(f"{PREFIX}k:{one.key}" for one in claims)]
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await script(keys=keys, args=arguments)
        except (RedisError, OSError, TimeoutError) as error:
            self._pause.failed(time.monotonic())
            raise CounterUnavailable(f"redis: {error or type(error).__name__}") from None
        self._pause.succeeded()
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
