"""Limits of requests: keys, refusals, headers, and what is wrong with a config."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.errors import ClientError, GatewayError, GatewayFault
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.gateway import Gateway
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.limit_count import LimitCount, LimitCountConfig, LimitCountMetadata
from tollhouse.dataplane.registry import check_plugin
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import CounterUnavailable, Limit, Services, Taken

from tests.support.services import PlainCounters, plain_services, request


def plugin(services: Services | None = None, place: str = "1", metadata: Any = None, **config: Any) -> LimitCount:
    return LimitCount(LimitCountConfig(**config), Place("routes", place), services or plain_services(), metadata)


async def ask(limiter: LimitCount, headers: dict[str, str] | None = None, **more: Any) -> tuple[int, Reply, Exchange]:
    """Status (200 when it passed), a reply with the plugin's headers, and the exchange."""
    ex = request(Gateway(limiter.services).snapshot, headers=headers, **more)
    reply = Reply()
    try:
        await limiter.request(ex)
    except GatewayError as error:
        reply = Reply(error.status)
    limiter.reply(ex, reply)
    return reply.status, reply, ex


async def test_requests_beyond_the_count_are_refused_and_headers_tell_what_is_left():
    limiter = plugin(count=2, time_window=60)
    told = [await ask(limiter) for _ in range(3)]
    assert [status for status, _, _ in told] == [200, 200, 503]
    assert [reply.header("x-ratelimit-remaining") for _, reply, _ in told] == ["1", "0", "0"]
    assert told[0][1].header("x-ratelimit-limit") == "2"
    assert told[0][1].header("x-ratelimit-reset") == "60"


async def test_a_refusal_says_when_to_come_back():
    limiter = plugin(count=1, time_window=60, rejected_code=429, rejected_msg="slow down")
    await ask(limiter)
    with pytest.raises(ClientError) as refused:
        await limiter.request(request(Gateway(limiter.services).snapshot))
    assert (refused.value.status, refused.value.code) == (429, "rate_limited")
    assert refused.value.retry_after_s == 60
    assert refused.value.apisix_body == {"error_msg": "slow down"}


@pytest.mark.parametrize(
    ("config", "same", "other"),
    [
        ({}, {"client_ip": "10.0.0.1"}, {"client_ip": "10.0.0.2"}),
        ({"key": "http_x_team"}, {"headers": {"x-team": "a"}}, {"headers": {"x-team": "b"}}),
        ({"key": "http_x_team"}, {"client_ip": "10.0.0.1"}, {"client_ip": "10.0.0.2"}),
        (
            {"key": "$http_x_team $remote_addr", "key_type": "var_combination"},
            {"headers": {"x-team": "a"}, "client_ip": "10.0.0.1"},
            {"headers": {"x-team": "a"}, "client_ip": "10.0.0.2"},
        ),
        (
            {"key": "consumer_name"},
            {"headers": {"authorization": "Bearer sk-1"}},
            {"headers": {"authorization": "Bearer sk-2"}},
        ),
        ({"key": "consumer_name"}, {"client_ip": "10.0.0.1"}, {"client_ip": "10.0.0.2"}),
    ],
)
async def test_what_is_counted_together(config: dict[str, Any], same: dict[str, Any], other: dict[str, Any]):
    limiter = plugin(count=1, time_window=60, **config)
    assert [(await ask(limiter, **one))[0] for one in (same, same, other)] == [200, 503, 200]


async def test_a_constant_key_counts_everything_together():
    limiter = plugin(count=1, time_window=60, key="all", key_type="constant")
    assert [(await ask(limiter, client_ip=f"10.0.0.{n}"))[0] for n in range(2)] == [200, 503]


async def test_places_count_apart_unless_they_are_in_a_group_and_an_edit_resets_nothing():
    services = plain_services()
    await ask(plugin(services, count=1, time_window=60))
    assert (await ask(plugin(services, "2", count=1, time_window=60)))[0] == 200
    assert (await ask(plugin(services, count=1, time_window=60, rejected_code=500)))[0] == 500
    assert (await ask(plugin(services, count=2, time_window=60)))[0] == 200
    await ask(plugin(services, "3", count=1, time_window=60, group="g"))
    assert (await ask(plugin(services, "4", count=1, time_window=60, group="g")))[0] == 503


async def test_every_rule_applies_and_a_refused_request_counts_on_none():
    services = plain_services()
    rules = [
        {"count": 10, "time_window": 60, "key": "$remote_addr"},
        {"count": 1, "time_window": 60, "key": "$http_x_team", "header_prefix": "Team"},
    ]
    limiter = plugin(services, rules=rules)
    told = [await ask(limiter, {"x-team": "a"}) for _ in range(3)]
    assert [status for status, _, _ in told] == [200, 503, 503]
    assert told[0][1].header("x-1-ratelimit-remaining") == "9"
    assert told[0][1].header("x-team-ratelimit-limit") == "1"
    _, reply, _ = await ask(limiter)
    assert (reply.header("x-1-ratelimit-remaining"), reply.header("x-team-ratelimit-limit")) == ("8", None)


async def test_numbers_may_come_from_variables():
    limiter = plugin(count="$http_x_quota", time_window=60)
    assert [(await ask(limiter, {"x-quota": "1"}))[0] for _ in range(2)] == [200, 503]
    with pytest.raises(GatewayFault, match=r"http_x_quota"):
        await limiter.request(request(Gateway(limiter.services).snapshot, headers={"x-quota": "many"}))


async def test_header_names_come_from_metadata():
    limiter = plugin(count=2, time_window=60, metadata=LimitCountMetadata(remaining_header="X-Left"))
    _, reply, _ = await ask(limiter)
    assert reply.header("x-left") == "1"
    quiet = plugin(count=2, time_window=60, show_limit_quota_header=False)
    assert (await ask(quiet))[1].headers == []


class Down(PlainCounters):
    """A store that cannot be reached."""

    async def take(self, limit: Limit, amount: int = 1, *, partial: bool = False) -> Taken:
        raise CounterUnavailable("redis: refused")


async def test_without_its_store_a_limit_that_must_hold_is_an_error_of_ours():
    limiter = plugin(plain_services(counters=Down()), count=1, time_window=60)
    status, _, _ = await ask(limiter)
    assert status == 500


@pytest.mark.parametrize(
    ("config", "on_failure"),
    [
        ({}, "local"),
        ({"allow_degradation": True}, "allow"),
        ({"allow_degradation": False}, "reject"),
        ({"on_store_failure": "local", "allow_degradation": False}, "local"),
    ],
)
def test_what_happens_without_the_store_is_said_by_the_config(config: dict[str, Any], on_failure: str):
    assert plugin(count=1, time_window=60, **config)._policy.on_failure == on_failure


def test_redis_fields_reach_the_policy_with_the_password_revealed_and_in_no_repr():
    config = {"policy": "redis", "redis_host": "redis.test", "redis_password": "$env://REDIS"}
    services = plain_services()
    services.secrets.known = {"$env://REDIS": "hunter2"}  # type: ignore[attr-defined]
    fields = dict(plugin(services, count=1, time_window=60, **config)._policy.redis)
    assert (fields["redis_host"], fields["redis_port"], fields["redis_password"]) == ("redis.test", 6379, "hunter2")


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, "count and time_window are both needed"),
        ({"count": 1}, "count and time_window are both needed"),
        ({"count": 0, "time_window": 1}, "count: expected a whole number above 0"),
        ({"count": "ten", "time_window": 1}, "count: expected"),
        ({"count": 1, "time_window": 1, "policy": "redis"}, "redis_host: needed with policy 'redis'"),
        ({"count": 1, "time_window": 1, "policy": "redis-cluster"}, "redis_cluster_nodes: needed"),
        ({"count": 1, "time_window": 1, "policy": "redis-sentinel"}, "redis_master_name: needed"),
        ({"count": 1, "time_window": 1, "sync_interval": 0.5}, "sync_interval: only -1 is supported"),
        ({"count": 1, "time_window": 1, "window_type": "tumbling"}, "window_type"),
        ({"count": 1, "time_window": 1, "burst": 3}, "unknown field"),
        ({"count": 1, "rules": [{"count": 1, "time_window": 1, "key": "a"}]}, "rules: cannot be combined"),
        ({"rules": [{"count": 1, "time_window": 1, "key": "a"}] * 2}, "rules: the key 'a' is there twice"),
        ({"rules": [{"count": -1, "time_window": 1, "key": "a"}]}, "rules.0.count"),
    ],
)
def test_mistakes_are_named(config: dict[str, Any], told: str):
    assert told in "\n".join(map(str, check_plugin("limit-count", config, "p")))


def test_apisix_json_is_taken_unchanged():
    config = {
        "count": 2,
        "time_window": 60,
        "window_type": "sliding",
        "rejected_code": 503,
        "rejected_msg": "no",
        "key": "$remote_addr $consumer_name",
        "key_type": "var_combination",
        "policy": "redis-sentinel",
        "redis_sentinels": [{"host": "127.0.0.1", "port": 26379}],
        "redis_master_name": "mymaster",
        "allow_degradation": True,
        "show_limit_quota_header": False,
        "group": "services_1",
    }
    assert check_plugin("limit-count", config, "p") == []
