"""Counts of budgets in a Redis that all nodes share: one Lua script per step, so that each is atomic and done once."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from redis.exceptions import RedisError
from tollhouse.dataplane.engine.reservations import Bucket
from tollhouse.dataplane.redis_place import RedisPlace
from tollhouse.dataplane.runtime.counts.redis_store import RedisStore
from tollhouse.dataplane.runtime.counts.shared_budgets import Counted, Forgot, Life
from tollhouse.dataplane.spending import Claim, Granted, Outcome

PREFIX = "tollhouse:{budgets}:"
"""All keys carry one hash tag: a step touches several of them."""

OPEN_MS = 7 * 86400 * 1000
"""How long an unsettled reservation is remembered."""
RAISED_AT_ONCE = 200
_KINDS = {"s": "spent", "h": "held", "d": "doubt"}
"""Of fields; older programs wrote others."""
YOUNG_S = 2
"""So long after its start other nodes may not have noticed it yet."""
SETTLED_MS = 3600 * 1000
"""How long a settled one is, so that settling twice counts once."""

# What was lost is noticed by two names: each process of Redis has its own run_id, and a key that is put once is gone
# with the rest. Both are asked of the very server that counts, in the step itself.
_LIFE = """
local info = redis.call('INFO', 'server')
local life = string.match(info, 'run_id:(%w+)') .. '.' .. (redis.call('GET', KEYS[#KEYS]) or '')
"""

LIFE = f"""
local fresh = redis.call('SET', KEYS[1], ARGV[1], 'NX') and 1 or 0
{_LIFE}
return {{life, fresh, tonumber(string.match(info, 'uptime_in_seconds:(%d+)'))}}
"""

# KEYS: the reservation's mark, one hash per claim, the life. ARGV: what follows each claim, in the same order; which
# life the caller knows, or nothing.
# A hash holds per bucket the field <bucket>:h (held), and of each node <bucket>:s:<node> (spent) and
# <bucket>:d:<node> (doubt): always all that node has counted. So whatever is told twice, or again after Redis forgot
# it, counts once.
TAKE = f"""
local used, n = {{}}, #KEYS - 2
if ARGV[#ARGV] ~= '' then
  {_LIFE}
  if life ~= ARGV[#ARGV] then return {{2, 0, used}} end
end
local mark = redis.call('GET', KEYS[1])
local refused = 0
for i = 1, n do
  local at = (i - 1) * 6
  local units, limit, since = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 4])
  local fields, sum = redis.call('HGETALL', KEYS[i + 1]), 0
  for j = 1, #fields, 2 do
    local start, kind = string.match(fields[j], '^(%d+):(%a)')
    if kind ~= 'd' and tonumber(start) >= since then sum = sum + tonumber(fields[j + 1]) end
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

_RAISE = """
local function raise(key, field, to)
  if tonumber(to) <= tonumber(redis.call('HGET', key, field) or '0') then return 0 end
  redis.call('HSET', key, field, to)
  return 1
end
"""

# KEYS: the mark, one hash per claim. ARGV: the node; per claim units held, bucket, spent, doubt, expires.
SETTLE = f"""{_RAISE}
local mark, node = redis.call('GET', KEYS[1]), ARGV[1]
for i = 1, #KEYS - 1 do
  local at = (i - 1) * 5 + 1
  local key, bucket, expires = KEYS[i + 1], ARGV[at + 2], tonumber(ARGV[at + 5])
  if mark == 'open' and ARGV[at + 1] ~= '0' then
    local left = redis.call('HINCRBY', key, bucket .. ':h', '-' .. ARGV[at + 1])
    if left <= 0 then redis.call('HDEL', key, bucket .. ':h') end
  end
  raise(key, bucket .. ':s:' .. node, ARGV[at + 3])
  raise(key, bucket .. ':d:' .. node, ARGV[at + 4])
  if expires > 0 and redis.call('EXISTS', key) == 1 then redis.call('EXPIREAT', key, expires + 86400) end
end
redis.call('SET', KEYS[1], 'done', 'PX', {SETTLED_MS})
return 1
"""

# KEYS: hashes. ARGV: node, bucket, spent, doubt, expires of each.
RAISE = f"""{_RAISE}
local raised = 0
for i, key in ipairs(KEYS) do
  local at = (i - 1) * 5
  local node, bucket, expires = ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 5])
  raised = raised + raise(key, bucket .. ':s:' .. node, ARGV[at + 3])
  raise(key, bucket .. ':d:' .. node, ARGV[at + 4])
  if expires > 0 then redis.call('EXPIREAT', key, expires + 86400) end
end
return raised
"""


class RedisBudgets:
    """Budgets in a Redis. Methods raise CounterUnavailable, and never hang."""

    def __init__(self, place: RedisPlace, node_id: str) -> None:
        self._node_id = node_id
        self._store = RedisStore(place)
        self._take, self._settle = self._store.script(TAKE), self._store.script(SETTLE)
        self._life, self._raise = self._store.script(LIFE), self._store.script(RAISE)

    @property
    def reachable(self) -> bool:
        """Whether the last operation went well."""
        return self._store.reachable

    async def take(self, reservation: str, claims: tuple[Claim, ...], life: str = "") -> Granted:
        """See ``SharedBudgets``."""
        arguments = [
            part
            for one in claims
            for part in (one.units, one.limit, one.bucket, one.since, one.expires, int(one.enforced))
        ]
        keys = [*_keys(reservation, claims), f"{PREFIX}life"]
        allowed, refused, used = await self._store.run(self._take, keys, [*arguments, life])
        if allowed == 2:
            raise Forgot
        return Granted(bool(allowed), tuple(int(one) for one in used), int(refused) - 1)

    async def settle(
        self, reservation: str, claims: tuple[Claim, ...], outcomes: tuple[Outcome, ...], said: tuple[Bucket, ...]
    ) -> None:
        """See ``SharedBudgets``."""
        arguments: list[Any] = [self._node_id]
        for claim, bucket in zip(claims, said, strict=True):
            arguments += [claim.units, claim.bucket, bucket.spent, bucket.doubt, claim.expires]
        await self._store.run(self._settle, _keys(reservation, claims), arguments)

    async def life(self) -> Life:
        """See ``SharedBudgets``."""
        life, fresh, uptime_s = await self._store.run(self._life, [f"{PREFIX}life"], [secrets.token_hex(8)])
        return Life(life.decode(), not fresh and uptime_s < YOUNG_S)

    async def raise_to(self, counted: list[Counted]) -> int:
        """See ``SharedBudgets``."""
        raised = 0
        for first in range(0, len(counted), RAISED_AT_ONCE):
            some = counted[first : first + RAISED_AT_ONCE]
            keys = [f"{PREFIX}k:{key}" for _, key, _, _ in some]
            arguments = [
                part
                for node, _, start, bucket in some
                for part in (node, start, bucket.spent, bucket.doubt, bucket.expires)
            ]
            raised += int(await self._store.run(self._raise, keys, arguments))
        return raised

    async def totals(self) -> list[tuple[str, int, Bucket]]:
        """Everything that is counted: (key, bucket, units)."""
        found: dict[tuple[str, int], Bucket] = {}
        for _, key, start, part in await self.by_node():
            bucket = found.setdefault((key, start), Bucket())
            bucket.spent += part.spent
            bucket.held += part.held
            bucket.doubt += part.doubt
        return [(key, start, bucket) for (key, start), bucket in found.items()]

    async def by_node(self) -> list[Counted]:
        """See ``SharedBudgets``; what is held is nobody's."""
        found: dict[tuple[str, str, int], Bucket] = {}
        begin = f"{PREFIX}k:"
        client = self._store.client
        try:
            async with asyncio.timeout(max(5.0, self._store.place.timeout_s)):
                async for name in client.scan_iter(match=f"{begin}*", count=1000):
                    key = name.decode("utf-8", "surrogateescape")[len(begin) :]
                    for field, value in (await client.hgetall(name)).items():
                        start, kind, node = (*field.decode().split(":", 2), "")[:3]
                        bucket = found.setdefault((node, key, int(start)), Bucket())
                        if kind in _KINDS:
                            setattr(bucket, _KINDS[kind], int(value))
        except (RedisError, OSError, TimeoutError) as error:
            raise self._store.unavailable(error) from None
        return [(node, key, start, bucket) for (node, key, start), bucket in found.items()]

    async def first_to_tell(self, name: str) -> bool:
        """Whether nobody has told of this yet (in the last 40 days: longer than any window)."""
        store = self._store
        try:
            async with asyncio.timeout(store.place.timeout_s):
                return bool(await store.client.set(f"{PREFIX}t:{name}", "1", nx=True, ex=40 * 86400))
        except (RedisError, OSError, TimeoutError) as error:
            raise store.unavailable(error) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._store.close()


def _keys(reservation: str, claims: tuple[Claim, ...]) -> list[str]:
    return [f"{PREFIX}r:{reservation}", *(f"{PREFIX}k:{one.key}" for one in claims)]
