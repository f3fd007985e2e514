"""Client addresses and host names."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict
from tollhouse.dataplane.runtime.server.origin import Proxies, host_name, plain_address
from tollhouse.dataplane.runtime.server.target import Refused


@pytest.mark.parametrize(
    ("value", "expected"),
    [("Api.Test:9080", "api.test"), ("a.b.", "a.b"), ("[::1]:80", "[::1]"), ("127.0.0.1", "127.0.0.1"), ("", "")],
)
def test_host_names_are_lower_case_without_port(value, expected):
    assert host_name(value) == expected


@pytest.mark.parametrize("value", ["a b", "a/b", "a@b", "a:b", "[::1", "ä.de", "a\tb"])
def test_what_is_no_host_is_refused(value):
    with pytest.raises(Refused):
        host_name(value)


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
        ("10.2.2.2, 10.1.1.1", "10.2.2.2"),
        ("203.0.113.9:1234", "203.0.113.9"),
        ("[2001:db8::1]:1234", "2001:db8::1"),
        ("nonsense", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_the_client_is_the_first_address_from_the_right_that_is_no_proxy(forwarded, client):
    proxies = Proxies(["10.0.0.0/8"])
    assert proxies.client("10.0.0.1", CIMultiDict({"x-forwarded-for": forwarded})) == client


def test_several_forwarding_headers_are_one_list():
    headers = CIMultiDict([("x-forwarded-for", "6.6.6.6"), ("X-Forwarded-For", "203.0.113.9")])
    assert Proxies(["10.0.0.1"]).client("10.0.0.1", headers) == "203.0.113.9"


def test_only_the_trusted_are_trusted():
    proxies = Proxies(["10.0.0.0/8", "::1"])
    assert proxies.trusts("10.9.9.9")
    assert proxies.trusts("::1")
    assert not proxies.trusts("11.0.0.1")
    assert not Proxies([]).trusts("127.0.0.1")


def test_a_proxy_that_is_no_address_is_named():
    with pytest.raises(ValueError, match=r"'proxy\.test'"):
        Proxies(["proxy.test"])


def test_an_ipv4_address_is_not_hidden_in_ipv6():
    assert plain_address("::ffff:10.0.0.1") == "10.0.0.1"


async def test_forwarding_headers_of_strangers_are_ignored(serve, connect, gateway, post):
    client = await connect(await serve())
    await client.send(post(b"", "/", "x-forwarded-for: 6.6.6.6", "x-forwarded-proto: https"))
    await client.reply()
    assert (gateway.seen[0].client_ip, gateway.seen[0].scheme) == ("127.0.0.1", "http")


async def test_forwarding_headers_of_a_trusted_proxy_are_believed(serve, connect, gateway, post):
    client = await connect(await serve(trusted_proxies=("127.0.0.1",)))
    await client.send(post(b"", "/", "x-forwarded-for: 6.6.6.6", "x-forwarded-proto: https"))
    await client.reply()
    assert (gateway.seen[0].client_ip, gateway.seen[0].scheme) == ("6.6.6.6", "https")
