"""The life of an exchange through matching, stages, reply and finish, with the real plugins."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.explaining import explain
from tollhouse.dataplane.gateway import Gateway
from tollhouse.dataplane.reply import Reply
from tollhouse.proto import sealing

from tests.support.services import plain_services, request


def raw(kind: str, object_id: str, value: dict[str, Any], revision: int = 1) -> RawObject:
    return RawObject(kind, object_id, json.dumps(value).encode(), revision, revision)


class Echo:
    """Answers with what would go upstream."""

    def __init__(self, *_: Any) -> None:
        self.closed = False

    async def dispatch(self, ex: Exchange) -> Reply:
        return Reply(200, [], json.dumps({"path": ex.upstream_path or ex.path, "by": ex.consumer_name}).encode())

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    monkeypatch.setattr("tollhouse.dataplane.config.snapshot_builder.UpstreamDispatcher", Echo)
    return Gateway(plain_services())


async def answer(gateway: Gateway, path: str, **parts: Any) -> tuple[Reply, Exchange]:
    ex = request(gateway.snapshot, path, **parts)
    reply = await gateway.answer(ex)
    gateway.finish(ex)
    return reply, ex


UPSTREAM = {"type": "roundrobin", "nodes": {"127.0.0.1:1": 1}}


async def test_a_request_without_a_route_gets_apisix_404(gateway: Gateway) -> None:
    reply, _ = await answer(gateway, "/nowhere")
    assert (reply.status, json.loads(reply.body)) == (404, {"error_msg": "404 Route Not Found"})
    assert reply.header("x-tollhouse-request-id") == "req-1"


async def test_a_route_proxies_and_says_the_revision(gateway: Gateway) -> None:
    await gateway.load(Batch(7, True, (raw("routes", "1", {"uri": "/a/*", "upstream": UPSTREAM}),)))
    reply, _ = await answer(gateway, "/a/b")
    assert json.loads(reply.body) == {"path": "/a/b", "by": ""}
    assert reply.header("x-tollhouse-revision") == "7"


async def test_a_consumer_is_identified_by_its_digest_and_brings_its_plugins(gateway: Gateway) -> None:
    await gateway.load(
        Batch(
            3,
            True,
            (
                raw("routes", "1", {"uri": "/a", "plugins": {"key-auth": {}}, "upstream": UPSTREAM}),
                raw(
                    "consumers",
                    "jack",
                    {
                        "username": "jack",
                        "plugins": {
                            "key-auth": {"key": sealing.digest("secret-key")},
                            "proxy-rewrite": {"uri": "/for-jack"},
                        },
                    },
                ),
            ),
        )
    )
    refused, _ = await answer(gateway, "/a")
    assert refused.status == 401
    reply, ex = await answer(gateway, "/a", headers={"apikey": "secret-key"})
    assert json.loads(reply.body) == {"path": "/for-jack", "by": "jack"}
    assert ex.consumer_name == "jack"


async def test_a_bad_object_is_refused_and_its_last_good_version_serves_on(gateway: Gateway) -> None:
    await gateway.load(Batch(1, True, (raw("routes", "1", {"uri": "/a", "upstream": UPSTREAM}),)))
    bad = raw("routes", "1", {"uri": "/a", "upstream": UPSTREAM, "plugins": {"no-such": {}}}, 2)
    other = raw("routes", "2", {"uri": "/b", "upstream": UPSTREAM}, 2)
    snapshot = await gateway.load(Batch(2, False, (bad, other)))
    (refusal,) = snapshot.refused
    assert (refusal.id, refusal.kept_revision, "no-such" in refusal.reason) == ("1", 1, True)
    assert (await answer(gateway, "/a"))[0].status == 200
    assert (await answer(gateway, "/b"))[0].status == 200


async def test_a_full_batch_drops_what_is_not_in_it_and_keeps_unchanged_objects(gateway: Gateway) -> None:
    one, two = (
        raw("routes", "1", {"uri": "/a", "upstream": UPSTREAM}),
        raw("routes", "2", {"uri": "/b", "upstream": UPSTREAM}),
    )
    before = await gateway.load(Batch(5, True, (one, two)))
    after = await gateway.load(Batch(2, True, (one,)))
    assert after.routes["1"] is before.routes["1"]
    assert (await answer(gateway, "/b"))[0].status == 404


async def test_a_changed_service_reaches_the_routes_that_use_it(gateway: Gateway) -> None:
    route = raw("routes", "1", {"uri": "/a", "service_id": "s"})
    missing = await gateway.load(Batch(1, True, (route,)))
    assert missing.refused == ()
    assert (await answer(gateway, "/a"))[0].status == 404
    await gateway.load(Batch(2, False, (raw("services", "s", {"upstream": UPSTREAM}),)))
    assert (await answer(gateway, "/a"))[0].status == 200
    limited = {"upstream": UPSTREAM, "plugins": {"ip-restriction": {"blacklist": ["127.0.0.0/8"]}}}
    await gateway.load(Batch(3, False, (raw("services", "s", limited, 3),)))
    assert (await answer(gateway, "/a"))[0].status == 403


async def test_route_plugins_win_over_plugin_config_and_that_over_the_service(gateway: Gateway) -> None:
    def rewrite(uri: str) -> dict[str, Any]:
        return {"proxy-rewrite": {"uri": uri}}

    await gateway.load(
        Batch(
            1,
            True,
            (
                raw("services", "s", {"upstream": UPSTREAM, "plugins": rewrite("/service")}),
                raw("plugin_configs", "p", {"plugins": rewrite("/config")}),
                raw("routes", "1", {"uri": "/1", "service_id": "s"}),
                raw("routes", "2", {"uri": "/2", "service_id": "s", "plugin_config_id": "p"}),
                raw(
                    "routes",
                    "3",
                    {"uri": "/3", "service_id": "s", "plugin_config_id": "p", "plugins": rewrite("/route")},
                ),
            ),
        )
    )
    seen = [json.loads((await answer(gateway, f"/{n}"))[0].body)["path"] for n in (1, 2, 3)]
    assert seen == ["/service", "/config", "/route"]


async def test_meta_disables_filters_and_replaces_errors(gateway: Gateway) -> None:
    def blocked(meta: dict[str, Any]) -> dict[str, Any]:
        return {"upstream": UPSTREAM, "plugins": {"ip-restriction": {"blacklist": ["127.0.0.1"], "_meta": meta}}}

    await gateway.load(
        Batch(
            1,
            True,
            (
                raw("routes", "1", {"uri": "/off", **blocked({"disable": True})}),
                raw("routes", "2", {"uri": "/filtered", **blocked({"filter": [["arg_x", "==", "1"]]})}),
                raw("routes", "3", {"uri": "/worded", **blocked({"error_response": {"sorry": True}})}),
            ),
        )
    )
    assert (await answer(gateway, "/off"))[0].status == 200
    assert (await answer(gateway, "/filtered"))[0].status == 200
    assert (await answer(gateway, "/filtered", query="x=1"))[0].status == 403
    worded = (await answer(gateway, "/worded"))[0]
    assert (worded.status, json.loads(worded.body)) == (403, {"sorry": True})


async def test_a_condition_on_the_body_reads_it_first(gateway: Gateway) -> None:
    route = {"uri": "/a", "upstream": UPSTREAM, "vars": [["post_arg.model", "==", "big"]]}
    await gateway.load(Batch(1, True, (raw("routes", "1", route),)))
    headers = {"content-type": "application/json"}
    assert (await answer(gateway, "/a", method="POST", headers=headers, body=b'{"model":"big"}'))[0].status == 200
    assert (await answer(gateway, "/a", method="POST", headers=headers, body=b'{"model":"small"}'))[0].status == 404


async def test_a_fault_of_ours_is_a_plain_500_without_a_trace(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: Echo, ex: Exchange) -> Reply:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(Echo, "dispatch", broken)
    await gateway.load(Batch(1, True, (raw("routes", "1", {"uri": "/a", "upstream": UPSTREAM}),)))
    reply, ex = await answer(gateway, "/a")
    assert reply.status == 500
    assert b"secret detail" not in reply.body
    assert isinstance(ex.error, RuntimeError)


async def test_the_end_closes_all_plugins_at_once_and_cuts_off_the_slow(monkeypatch: pytest.MonkeyPatch):
    """Replaced ones that still deliver among them."""
    from tollhouse.dataplane.plugins.ip_restriction import IpRestriction

    ended: list[str] = []

    async def close(self: IpRestriction) -> None:
        try:
            await asyncio.sleep(0.05 if self.place.id == "quick" else 60)
            ended.append(f"{self.place.id} done")
        except asyncio.CancelledError:
            ended.append(f"{self.place.id} cut off")
            raise

    monkeypatch.setattr(IpRestriction, "close", close)

    def route(name: str, revision: int) -> RawObject:
        plugins = {"ip-restriction": {"whitelist": [f"127.0.0.{revision}"]}}
        return raw("routes", name, {"uri": f"/{name}", "upstream": UPSTREAM, "plugins": plugins}, revision)

    gateway = Gateway(plain_services())
    await gateway.load(Batch(1, True, (route("quick", 1), route("slow", 1))))
    await gateway.load(Batch(2, False, (route("slow", 2),)))
    await asyncio.sleep(0)
    await gateway.close(0.3)
    await asyncio.sleep(0)
    assert sorted(ended) == ["quick done", "slow cut off", "slow cut off"]


async def test_a_replaced_plugin_closes_only_after_its_last_exchange(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tollhouse.dataplane.plugins.ip_restriction import IpRestriction

    closed: list[str] = []

    async def close(self: IpRestriction) -> None:
        closed.append(self.place.id)

    monkeypatch.setattr(IpRestriction, "close", close)

    def route(allowed: str, revision: int) -> RawObject:
        plugins = {"ip-restriction": {"whitelist": [allowed]}}
        return raw("routes", "1", {"uri": "/a", "upstream": UPSTREAM, "plugins": plugins}, revision)

    await gateway.load(Batch(1, True, (route("127.0.0.1", 1),)))
    ex = request(gateway.snapshot, "/a")
    await gateway.answer(ex)
    await gateway.load(Batch(2, False, (route("127.0.0.2", 2),)))
    await asyncio.sleep(0)
    assert closed == []
    gateway.finish(ex)
    await asyncio.sleep(0)
    assert closed == ["1"]


async def test_explaining_runs_nothing_that_counts_and_names_each_step(gateway: Gateway) -> None:
    plugins = {"key-auth": {}, "ip-restriction": {"blacklist": ["10.0.0.0/8"]}}
    await gateway.load(
        Batch(
            1,
            True,
            (
                raw("routes", "1", {"uri": "/a", "upstream": UPSTREAM, "plugins": plugins}),
                raw("consumers", "jack", {"username": "jack", "plugins": {"key-auth": {"key": sealing.digest("k-1")}}}),
            ),
        )
    )
    told = await explain(request(gateway.snapshot, "/a", headers={"apikey": "k-1"}))
    assert (told.route_id, told.consumer, told.status) == ("1", "jack", 0)
    assert [step.plugin for step in told.steps] == ["", "ip-restriction", "key-auth"]
    told = await explain(request(gateway.snapshot, "/a"))
    assert told.status == 401


async def test_explaining_takes_a_route_and_a_caller_at_their_word(gateway: Gateway) -> None:
    """Nobody has another's key to explain what happens to its requests; what is gone is named."""
    plugins = {"key-auth": {}, "consumer-restriction": {"blacklist": ["jill"]}}
    await gateway.load(
        Batch(
            1,
            True,
            (
                raw("routes", "1", {"uri": "/a", "upstream": UPSTREAM, "plugins": plugins}),
                raw("consumers", "jack", {"username": "jack"}),
                raw("consumers", "jill", {"username": "jill"}),
            ),
        )
    )
    told = await explain(request(gateway.snapshot, "/elsewhere"), "1", "jack")
    assert (told.route_id, told.consumer, told.status) == ("1", "jack", 0)
    assert [step.plugin for step in told.steps] == ["", "key-auth", "consumer-restriction"]
    assert (await explain(request(gateway.snapshot, "/a"), caller="jill")).status == 403
    assert (await explain(request(gateway.snapshot, "/a"), caller="joe")).error.startswith("There is no consumer 'joe'")
    assert (await explain(request(gateway.snapshot, "/a"), "2")).error == "There is no route '2' any more."


def test_errors_on_ordinary_routes_keep_apisix_shapes(gateway: Gateway) -> None:
    ex = request(gateway.snapshot)
    reply = gateway.render_error(ex, ClientError(429, "rate_limited", "slow down", retry_after_s=2.4))
    assert (reply.header("retry-after"), json.loads(reply.body)) == ("2", {"error_msg": "slow down"})
