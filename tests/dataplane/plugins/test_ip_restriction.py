"""Letting only some addresses in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.gateway import Gateway
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.ip_restriction import IpRestriction, IpRestrictionConfig
from tollhouse.dataplane.registry import check_plugin
from tollhouse.proto.sealing import digest

from tests.support.services import plain_services, request


def is_let_in(ip: str, **config: Any) -> bool:
    plugin = IpRestriction(IpRestrictionConfig(**config), Place("routes", "1"), plain_services())
    try:
        plugin.request(request(None, client_ip=ip))  # type: ignore[arg-type]
    except ClientError:
        return False
    return True


@pytest.mark.parametrize(("ip", "inside"), [("10.1.2.3", True), ("::1", True), ("11.0.0.1", False), ("unix:", False)])
def test_lists_hold_addresses_and_ranges(ip: str, inside: bool) -> None:
    assert is_let_in(ip, whitelist=["10.0.0.0/8", "::1"]) is inside
    assert is_let_in(ip, blacklist=["10.0.0.0/8", "::1"]) is not inside


def test_a_refusal_is_apisix_403_or_as_configured() -> None:
    config = IpRestrictionConfig(whitelist=["10.0.0.1"], message="go away", response_code=404)
    with pytest.raises(ClientError) as caught:
        IpRestriction(config, Place("routes", "1"), plain_services()).request(request(None))  # type: ignore[arg-type]
    assert (caught.value.status, caught.value.apisix_body) == (404, {"message": "go away"})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "exactly one of whitelist and blacklist"),
        ({"whitelist": ["::1"], "blacklist": ["::1"]}, "exactly one of whitelist and blacklist"),
        ({"whitelist": ["10.0.0.0/64"]}, "'10.0.0.0/64' is not an IP address"),
        ({"whitelist": []}, "at least 1 item"),
    ],
)
def test_wrong_configs_are_refused(config: dict[str, Any], words: str) -> None:
    assert words in str(check_plugin("ip-restriction", config, "x")[0])


async def test_a_consumers_own_restriction_acts_once_it_is_known_who_calls() -> None:
    values: dict[tuple[str, str], dict[str, Any]] = {
        ("routes", "1"): {"uri": "/a", "plugins": {"key-auth": {}}, "upstream": {"nodes": {"127.0.0.1:1": 1}}},
        ("consumers", "bob"): {
            "username": "bob",
            "plugins": {"key-auth": {"key": digest("sk-bob")}, "ip-restriction": {"whitelist": ["10.0.0.1"]}},
        },
    }
    gateway = Gateway(plain_services())
    puts = [RawObject(kind, id, json.dumps(value).encode(), 1, 1) for (kind, id), value in values.items()]
    await gateway.load(Batch(1, True, tuple(puts)))
    reply = await gateway.answer(request(gateway.snapshot, "/a", headers={"apikey": "sk-bob"}))
    assert (reply.status, reply.body) == (403, b'{"message":"Your IP address is not allowed"}')
