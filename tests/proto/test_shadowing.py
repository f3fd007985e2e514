"""Routes that can never be reached."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.proto.shadowing import shadowed_routes


def shadowed(routes: dict[str, dict[str, Any]], **others: Any) -> dict[str, str]:
    """Route -> the warning about it."""
    problems = shadowed_routes(routes, others.pop("services", {}), others.pop("created", {}), **others)
    return {problem.where.removeprefix("routes/"): problem.what for problem in problems}


def test_of_two_routes_with_the_same_match_the_later_one_is_told_with_ways_out() -> None:
    routes = {"agent-code-generation": {"uri": "/v1/chat"}, "agent-testing": {"uri": "/v1/chat"}}
    (problem,) = shadowed_routes(routes, {}, {})
    assert problem.severity == "warning"
    assert problem.where == "routes/agent-testing"
    assert "'agent-testing' can never be reached" in problem.what
    assert "taken by agent-code-generation" in problem.what
    for way_out in ("vars", "host", "priority", "consumers"):
        assert way_out in problem.hint


def test_who_was_created_first_is_tried_first() -> None:
    routes = {"a": {"uri": "/x"}, "b": {"uri": "/x"}}
    assert list(shadowed(routes, created={"b": 5, "a": 9})) == ["a"]
    assert list(shadowed(routes, created={"b": 5})) == ["a"], "a is new"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"uri": "/x", "priority": 1}, {"uri": "/x", "methods": ["GET"]}),
        ({"uri": "/x", "methods": ["GET", "POST"]}, {"uri": "/x", "methods": ["GET"]}),
        ({"uri": "/x/*", "priority": 1}, {"uri": "/x/*/y"}),
        ({"uris": ["/x", "/y"]}, {"uris": ["/y", "/x"]}),
        ({"uri": "/x", "hosts": ["A.com"]}, {"uri": "/x", "host": "a.com"}),
        ({"uri": "/x", "vars": [["arg_a", "==", "1"]]}, {"uri": "/x", "vars": [["arg_a", "==", "1"]]}),
        ({"uri": "/x"}, {"uri": "/x", "vars": [["arg_a", "==", "1"]]}),
        ({"uri": "/x", "remote_addr": "10.0.0.0/8"}, {"uri": "/x", "remote_addrs": ["10.1.0.0/16", "10.2.3.4"]}),
    ],
)
def test_a_route_whose_every_request_is_taken_is_told(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert list(shadowed({"a": first, "b": second})) == ["b"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"uri": "/x"}, {"uri": "/y"}),
        ({"uri": "/*"}, {"uri": "/x"}),
        ({"uri": "/x"}, {"uri": "/x*"}),
        ({"uri": "/x/*"}, {"uri": "/x/*/y"}),
        ({"uri": "/x"}, {"uri": "/x", "host": "a.com"}),
        ({"uri": "/x", "host": "*.a.com"}, {"uri": "/x", "host": "b.a.com"}),
        ({"uri": "/x"}, {"uris": ["/x", "/y"]}),
        ({"uri": "/x", "methods": ["GET"]}, {"uri": "/x"}),
        ({"uri": "/x", "vars": [["arg_a", "==", "1"]]}, {"uri": "/x"}),
        ({"uri": "/x", "remote_addr": "10.0.0.0/8"}, {"uri": "/x", "remote_addr": "11.0.0.0/8"}),
        ({"uri": "/x", "remote_addr": "10.0.0.0/8"}, {"uri": "/x"}),
        ({"uri": "/x", "status": 0}, {"uri": "/x"}),
        ({"uri": "/x", "priority": "broken"}, {"uri": "/x"}),
        ({}, {}),
    ],
)
def test_a_route_that_gets_some_request_is_not_told(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert shadowed({"a": first, "b": second}) == {}


def test_hosts_of_the_service_count() -> None:
    routes = {"a": {"uri": "/x", "service_id": "s"}, "b": {"uri": "/x", "host": "s.com"}, "c": {"uri": "/x"}}
    assert list(shadowed(routes, services={"s": {"hosts": ["s.com"]}})) == ["b"]


def test_several_routes_may_take_a_routes_requests_together() -> None:
    routes = {"a": {"uri": "/x"}, "b": {"uri": "/y"}, "c": {"uris": ["/x", "/y"]}}
    assert "taken by a and b" in shadowed(routes)["c"]


def test_only_pairs_with_a_concerned_route_are_told() -> None:
    routes = {"a": {"uri": "/x"}, "b": {"uri": "/x"}, "c": {"uri": "/y"}, "d": {"uri": "/y"}}
    assert list(shadowed(routes, concerned={"c"})) == ["d"]
    assert list(shadowed(routes, concerned={"d"})) == ["d"]
