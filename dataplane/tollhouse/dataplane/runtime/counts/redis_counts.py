"""Counts in a Redis that all nodes share: one Lua script per operation, so that each is atomic."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.sentinel import Sentinel
from redis.exceptions import RedisError
from tollhouse.dataplane.engine.limits import BUCKETS, SLICE_SHARE, SMALLEST_SLICE, Decision, Request
from tollhouse.dataplane.services import CounterPolicy, CounterUnavailable, Limit

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

FAILURES_TO_OPEN = 3
LONGEST_PAUSE_S = 10.0


class Pause:
    """A small breaker: after a few failures in a row nothing is tried for a while, so that nobody waits in vain."""

    def __init__(self) -> None:
        self.failures = 0
        self._until = 0.0
        self._pause_s = 0.5

    def closed(self, now: float) -> bool:
        """Whether to try. After a pause one caller tries; the others go on pausing until it has come back."""
        if self.failures < FAILURES_TO_OPEN:
            return True
        if now < self._until:
            return False
        self._until = now + self._pause_s
        return True

    def succeeded(self) -> None:
        """The store answered."""
        self.failures = 0
        self._pause_s = 0.5

    def failed(self, now: float) -> None:
        """It did not."""
        self.failures += 1
        if self.failures >= FAILURES_TO_OPEN:
            self._until = now + self._pause_s
            self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)


class RedisCounts:
    """One Redis, cluster, or sentinel-guarded master. Shared by all limits that name it."""

    def __init__(self, policy: CounterPolicy) -> None:
        fields = dict(policy.redis)
        self._label = policy.authority
        self._timeout_s = int(fields.get("redis_timeout", 1000)) / 1000
        self._client = _client(policy.authority, fields, self._timeout_s)
        self._fixed = self._client.register_script(FIXED)
        self._sliding = self._client.register_script(SLIDING)
        self._pause = Pause()

    def __str__(self) -> str:
        return self._label

    @property
    def reachable(self) -> bool:
        """Whether the last operation went well."""
        return self._pause.failures == 0

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
        if not self._pause.closed(time.monotonic()):
            raise CounterUnavailable(f"{self._label}: not reachable, trying again soon")
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
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await script(keys=[f"tollhouse:{limit.kind}:{{{limit.key}}}{suffix}"], args=arguments)
        except (RedisError, OSError, TimeoutError) as error:
            self._pause.failed(time.monotonic())
            reason = str(error) or type(error).__name__
            raise CounterUnavailable(f"{self._label}: {reason}") from None
        self._pause.succeeded()
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def open_counts(policy: CounterPolicy) -> RedisCounts:
    """The store of a policy; connects with its first operation."""
    return RedisCounts(policy)


def _client(authority: str, fields: dict[str, Any], timeout_s: float) -> Any:
    common: dict[str, Any] = {
        "username": fields.get("redis_username") or None,
        "password": fields.get("redis_password") or None,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
    }
    if fields.get("redis_ssl"):
        common |= {"ssl": True, "ssl_cert_reqs": "required" if fields.get("redis_ssl_verify") else "none"}
    if authority == "redis-cluster":
        nodes = [ClusterNode(*_host_port(node)) for node in fields["redis_cluster_nodes"]]
        return RedisCluster(startup_nodes=nodes, **common)
    database = int(fields.get("redis_database", 0))
    if authority == "redis-sentinel":
        sentinels = [(one["host"], int(one["port"])) for one in map(dict, fields["redis_sentinels"])]
        guarded: dict[str, Any] = {"socket_timeout": timeout_s}
        if fields.get("sentinel_password"):
            guarded["password"] = fields["sentinel_password"]
        if fields.get("sentinel_username"):
            guarded["username"] = fields["sentinel_username"]
        sentinel: Any = Sentinel(  # type: ignore[no-untyped-call]
            sentinels, sentinel_kwargs=guarded, **common
        )
        return sentinel.master_for(fields["redis_master_name"], db=database)
    return Redis(
        host=fields["redis_host"],
        port=int(fields.get("redis_port", 6379)),
        db=database,
        max_connections=int(fields.get("redis_keepalive_pool", 100)),
        **common,
    )


def _host_port(node: str) -> tuple[str, int]:
    host, _, port = node.rpartition(":")
    return host.strip("[]"), int(port)
