"""Which route a request takes."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tollhouse.dataplane.engine.addresses import AddressSet
from tollhouse.dataplane.engine.match import RouteEntry, Router


def nothing(name: str) -> None:
    return None


def route(id: str, *uris: str, order: int = 0, **fields: object) -> RouteEntry:
    return RouteEntry(id=id, uris=uris, order=(order, id), **fields)  # type: ignore[arg-type]


def found(router: Router, path: str, *, method: str = "GET", host: str = "h", ip: str = "10.0.0.1") -> str | None:
    entry = router.match(method, host, path, ip, nothing)
    return None if entry is None else entry.id


def test_exact_path_beats_a_prefix_whatever_their_priority() -> None:
    router = Router([route("prefix", "/v1/*", priority=100), route("exact", "/v1/chat")])
    assert found(router, "/v1/chat") == "exact"
    assert found(router, "/v1/other") == "prefix"
    assert found(router, "/v2") is None


def test_longer_prefix_beats_a_shorter_one_whatever_their_priority() -> None:
    router = Router([route("short", "/*", priority=9), route("long", "/v1/*"), route("middle", "/v*", priority=3)])
    assert found(router, "/v1/x") == "long"
    assert found(router, "/v1") == "middle"
    assert found(router, "/x") == "short"


def test_priority_then_age_order_routes_of_the_same_path() -> None:
    router = Router([route("c", "/a", order=3), route("b", "/a", order=2), route("a", "/a", order=9, priority=1)])
    assert found(router, "/a") == "a"
    router = router.with_changes(removed=["a"])
    assert found(router, "/a") == "b"


def test_a_rejected_route_does_not_end_the_search() -> None:
    router = Router(
        [
            route("post", "/a", methods=frozenset({"POST"}), priority=2),
            route("inside", "/a", remote_addrs=AddressSet(["192.168.0.0/16"]), priority=1),
            route("never", "/a", vars_predicate=lambda lookup: lookup("arg_x") == "1"),
            route("rest", "/*"),
        ]
    )
    assert found(router, "/a", method="POST") == "post"
    assert found(router, "/a", ip="192.168.3.4") == "inside"
    assert found(router, "/a") == "rest"
    assert router.match("GET", "h", "/a", "1.1.1.1", lambda name: "1").id == "never"  # type: ignore[union-attr]


def test_host_decides_before_path_and_priority() -> None:
    router = Router(
        [
            route("any", "/a", priority=100),
            route("wild", "/*", hosts=("*.example.com",)),
            route("longer", "/*", hosts=("*.eu.example.com",)),
            route("exact", "/*", hosts=("API.example.com",)),
        ]
    )
    assert found(router, "/a", host="api.example.com") == "exact"
    assert found(router, "/a", host="x.eu.EXAMPLE.com") == "longer"
    assert found(router, "/a", host="x.y.example.com") == "wild"
    assert found(router, "/a", host="example.com") == "any"
    assert found(router, "/b", host="example.com") is None


def test_a_host_whose_routes_all_reject_leaves_the_request_to_less_specific_ones() -> None:
    router = Router(
        [
            route("exact", "/a", hosts=("a.b.c",), methods=frozenset({"PUT"})),
            route("wild", "/a", hosts=("*.b.c",), methods=frozenset({"POST"})),
            route("any", "/a"),
        ]
    )
    assert found(router, "/a", host="a.b.c") == "any"
    assert found(router, "/a", host="a.b.c", method="POST") == "wild"


def test_star_in_the_middle_stands_for_anything() -> None:
    router = Router([route("mid", "/users/*/posts"), route("mid_end", "/users/*/files/*"), route("all", "/users/*")])
    assert found(router, "/users/7/posts") == "mid"
    assert found(router, "/users/7/8/posts") == "mid"
    assert found(router, "/users/7/files/a/b") == "mid_end"
    assert found(router, "/users/7") == "all"


def test_colon_is_an_ordinary_character() -> None:
    router = Router([route("literal", "/models/:generate")])
    assert found(router, "/models/:generate") == "literal"
    assert found(router, "/models/x") is None


def test_find_tells_the_uri_and_host_that_matched() -> None:
    router = Router([route("r", "/a", "/b/*", hosts=("x.com", "*.y.com"))])
    candidate = router.find("GET", "q.y.com", "/b/c", "", nothing)
    assert candidate is not None
    assert (candidate.uri, candidate.host) == ("/b/*", "*.y.com")


def test_changes_give_a_new_router_and_leave_the_old_one_alone() -> None:
    old = Router([route("a", "/a"), route("b", "/b")])
    new = old.with_changes([route("a", "/c")], removed=["b"])
    assert (found(old, "/a"), found(old, "/b"), found(old, "/c")) == ("a", "b", None)
    assert (found(new, "/a"), found(new, "/b"), found(new, "/c")) == (None, None, "a")
    assert len(new) == 1


def test_unreadable_client_address_matches_no_range() -> None:
    router = Router([route("v6", "/a", remote_addrs=AddressSet(["::/0", "0.0.0.0/0"]))])
    assert found(router, "/a", ip="unix:") is None
    assert found(router, "/a", ip="::1") == "v6"
    assert found(router, "/a", ip="::ffff:10.0.0.1") == "v6"


def test_address_sets_refuse_what_is_no_address() -> None:
    with pytest.raises(ValueError, match=r"'10\.0\.0\.300' is not an IP address"):
        AddressSet(["10.0.0.300"])


# --- against a slow reading of the rules ------------------------------------------------------------------------------

PARTS = st.sampled_from(["a", "b", "ab", "*"])
URIS = st.lists(PARTS, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
HOSTS = st.sampled_from(["x.com", "a.x.com", "*.x.com", "*.a.x.com", "*com"])
ROUTES = st.lists(
    st.tuples(
        st.lists(URIS, min_size=1, max_size=2, unique=True),
        st.lists(HOSTS, max_size=2, unique=True),
        st.sampled_from([None, frozenset({"GET"}), frozenset({"POST"})]),
        st.integers(0, 2),
    ),
    max_size=12,
)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "c", ""]), min_size=1, max_size=4).map(lambda p: "/" + "/".join(p))


def slow(routes: list[RouteEntry], method: str, host: str, path: str) -> str | None:
    """Every (host, uri) of every route, ranked by the rules one after the other."""
    ranked = []
    for entry in routes:
        for pattern in entry.hosts or ("",):
            if pattern == host:
                host_rank = (0, 0)
            elif pattern.startswith("*") and host.endswith(pattern[1:]):
                host_rank = (1, -len(pattern))
            elif not pattern:
                host_rank = (2, 0)
            else:
                continue
            for uri in entry.uris:
                regex = "/".join(".*" if part == "*" else re.escape(part) for part in uri.split("/"))
                if not re.fullmatch(regex, path) or not (entry.methods is None or method in entry.methods):
                    continue
                fixed = uri.partition("*")[0]
                path_rank = (1, -len(fixed)) if "*" in uri else (0, 0)
                ranked.append((host_rank, path_rank, -entry.priority, -len(uri), entry.order, entry.id))
    return min(ranked)[-1] if ranked else None


@settings(max_examples=300, deadline=None)
@given(ROUTES, st.sampled_from(["x.com", "a.x.com", "b.x.com", "b.a.x.com", "y.org"]), PATHS, st.randoms())
def test_agrees_with_a_slow_reading_of_the_rules(
    drawn: list[tuple[list[str], list[str], frozenset[str] | None, int]], host: str, path: str, luck: random.Random
) -> None:
    routes = [
        RouteEntry(f"r{i}", tuple(uris), tuple(hosts), methods, priority=priority, order=(i, f"r{i}"))
        for i, (uris, hosts, methods, priority) in enumerate(drawn)
    ]
    shuffled = luck.sample(routes, len(routes))
    half = len(shuffled) // 2
    router = Router(shuffled[:half]).with_changes(shuffled[half:])
    assert found(router, path, host=host) == slow(routes, "GET", host, path)

    gone = {entry.id for entry in shuffled[:half]}
    kept = [entry for entry in routes if entry.id not in gone]
    assert found(router.with_changes(removed=gone), path, host=host) == slow(kept, "GET", host, path)
