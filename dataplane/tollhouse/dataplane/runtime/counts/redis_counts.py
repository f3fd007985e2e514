"""Counts in a Redis that all nodes share: one Lua script per operation, so that each is atomic."""

from __future__ import annotations

from typing import Any

from tollhouse.dataplane.engine.limits import BUCKETS, SLICE_SHARE, SMALLEST_SLICE, Decision, Request
from tollhouse.dataplane.redis_place import place_of_policy
from tollhouse.dataplane.runtime.counts.redis_store import RedisStore
from tollhouse.dataplane.services import CounterPolicy, Limit

_NOW = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
"""
# Redis' own clock counts, in microseconds: the nodes' clocks may differ.

_LEND = f"""
local lend = 0
if allowed and want_slice then
  lend = math.floor((limit - used - amount) / {SLICE_SHARE})
  if lend < {SMALLEST_SLICE} then lend = 0 end
end
"""

_ARGUMENTS = """
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local amount, partial = tonumber(ARGV[3]), ARGV[4] == '1'
local back, back_identity = tonumber(ARGV[5]), ARGV[6]
local want_slice, look, strict = ARGV[7] == '1', ARGV[8] == '1', ARGV[9] == '1'
"""

FIXED = f"""{_NOW}{_ARGUMENTS}
local h = redis.call('HMGET', KEYS[1], 's', 'u')
local start, used = tonumber(h[1]), tonumber(h[2]) or 0
if start and now >= start + window then start = nil; used = 0 end
local identity = start and string.format('%.0f', start) or '0'
local changed = false
if back > 0 and (identity == back_identity or back_identity == '0') then
  used = math.max(0, used - back)
  changed = true
end
local allowed = used + amount <= limit
if partial or look then allowed = used < limit end
if not strict then allowed = true end
{_LEND}
if allowed and not look then
  if not start and amount > 0 then
    start = now
    identity = string.format('%.0f', start)
  end
  used = used + amount + lend
  changed = true
end
if changed and start then
  redis.call('HSET', KEYS[1], 's', identity, 'u', used)
  redis.call('PEXPIRE', KEYS[1], math.max(1, math.ceil((start + window - now) / 1000)))
end
local left = start and (start + window - now) or 0
return {{allowed and 1 or 0, math.max(0, limit - used), left, identity, lend, left}}
"""

SLIDING = f"""{_NOW}{_ARGUMENTS}
local width = window / {BUCKETS}
local current = math.floor(now / width)
local fields = redis.call('HGETALL', KEYS[1])
local used, oldest, buckets = 0, nil, {{}}
for i = 1, #fields, 2 do
  local index, units = tonumber(fields[i]), tonumber(fields[i + 1])
  if index + 1 + {BUCKETS} <= current then
    redis.call('HDEL', KEYS[1], fields[i])
  else
    used = used + units
    buckets[#buckets + 1] = index
    buckets['n' .. fields[i]] = units
    if not oldest or index < oldest then oldest = index end
  end
end
local function give(index, units)
  local name = string.format('%.0f', index)
  local given = math.min(buckets['n' .. name] or 0, units)
  if given > 0 then
    redis.call('HINCRBY', KEYS[1], name, -given)
    used = used - given
  end
  return units - given
end
if back > 0 then
  if back_identity ~= '0' then
    give(tonumber(back_identity), back)
  else
    table.sort(buckets)
    for _, index in ipairs(buckets) do back = give(index, back) end
  end
end
local allowed = used + amount <= limit
if partial or look then allowed = used < limit end
if not strict then allowed = true end
{_LEND}
local name = string.format('%.0f', current)
if allowed and not look and amount > 0 then
  redis.call('HINCRBY', KEYS[1], name, amount + lend)
  redis.call('PEXPIRE', KEYS[1], math.ceil((window + 2 * width) / 1000))
  used = used + amount + lend
  if not oldest then oldest = current end
end
local expires = math.floor((current + 1) * width - now)
local left = oldest and math.max(0, (oldest + 1 + {BUCKETS}) * width - now) or 0
return {{allowed and 1 or 0, math.max(0, limit - used), math.floor(left), name, lend, expires}}
"""


class RedisCounts:
    """Windows in a Redis. Shared by all limits that name it; methods raise CounterUnavailable, and never hang."""

    def __init__(self, policy: CounterPolicy) -> None:
        assert policy.authority != "local"
        self._store = RedisStore(place_of_policy(policy.authority, dict(policy.redis)))
        self._fixed = self._store.script(FIXED)
        self._sliding = self._store.script(SLIDING)

    def __str__(self) -> str:
        return str(self._store)

    @property
    def reachable(self) -> bool:
        """Whether the last operation went well."""
        return self._store.reachable

    async def take(self, limit: Limit, request: Request, *, look: bool) -> Decision:
        """See ``SharedCounts``."""
        answer = await self._run(limit, request, look=look, strict=True)
        allowed, remaining, left, identity, lent, expires = answer
        return Decision(bool(allowed), int(remaining), left / 1e6, int(identity), int(lent), expires / 1e6)

    async def settle(self, limit: Limit, difference: int, identity: int) -> None:
        """See ``SharedCounts``."""
        if difference < 0:
            request = Request(0, back=-difference, back_identity=identity)
        else:
            request = Request(difference)
        await self._run(limit, request, look=difference < 0, strict=False)

    async def _run(self, limit: Limit, request: Request, *, look: bool, strict: bool) -> Any:
        script = self._fixed if limit.kind == "fixed" else self._sliding
        # A sliding window of another length is another window: its buckets have another width.
        suffix = "" if limit.kind == "fixed" else f":{limit.window_s}"
        arguments = [
            limit.amount,
            limit.window_s * 1_000_000,
            request.amount,
            int(request.partial),
            request.back,
            request.back_identity,
            int(request.want_slice),
            int(look),
            int(strict),
        ]
        return await self._store.run(script, [f"tollhouse:{limit.kind}:{{{limit.key}}}{suffix}"], arguments)

    async def close(self) -> None:
        """Close the connections."""
        await self._store.close()


def open_counts(policy: CounterPolicy) -> RedisCounts:
    """The store of a policy; connects with its first operation."""
    return RedisCounts(policy)
