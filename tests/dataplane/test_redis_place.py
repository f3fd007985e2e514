"""Addresses of Redis as operators write them."""

import pytest
from tollhouse.dataplane.redis_place import RedisPlace, place_of_address, place_of_policy


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("redis://h:1/2", RedisPlace("redis", (("h", 1),), database=2)),
        ("rediss://u:p%40@h", RedisPlace("redis", (("h", 6379),), username="u", password="p@", tls=True)),
        ("redis-cluster://:p@a:1,b:2", RedisPlace("redis-cluster", (("a", 1), ("b", 2)), password="p")),
        ("redis-sentinel://[::1]:5,b/main/3", RedisPlace("redis-sentinel", (("::1", 5), ("b", 26379)), "main", 3)),
        ("rediss://h?verify=no&ca=/x", RedisPlace("redis", (("h", 6379),), tls=True, verify=False, ca_file="/x")),
    ],
)
def test_each_form_is_understood(address: str, place: RedisPlace) -> None:
    """One server, a cluster, sentinels; TLS, users, options."""
    assert place_of_address(address) == place


@pytest.mark.parametrize(
    "address",
    [
        "http://h",
        "redis://",
        "redis://a:1,b:2",
        "redis://h/x",
        "redis://h/1/2",
        "redis-sentinel://a",
        "redis-cluster://a/1",
        "redis://u:secret@h?colour=1",
        "redis://h:port",
    ],
)
def test_what_cannot_be_meant_is_refused_without_repeating_the_password(address: str) -> None:
    """Each with a sentence."""
    with pytest.raises(ValueError) as told:
        place_of_address(address)
    assert "secret" not in str(told.value)


def test_a_policys_fields_are_a_place_too() -> None:
    """APISIX's names; certificates are checked only if it says so."""
    sentinels = ((("host", "s"), ("port", 7)),)
    fields = {"redis_sentinels": sentinels, "redis_master_name": "m", "redis_ssl": True, "sentinel_password": "x"}
    place = place_of_policy("redis-sentinel", fields)
    assert (place.nodes, place.master, place.tls, place.verify) == ((("s", 7),), "m", True, False)
    assert "x" not in repr(place)
