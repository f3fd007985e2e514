"""Changing what goes to the upstream."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.proxy_rewrite import ProxyRewrite, ProxyRewriteConfig
from tollhouse.dataplane.registry import check_plugin

from tests.support.services import plain_services, request


def rewritten(path: str = "/a/b", query: str = "", before: Exchange | None = None, **config: Any) -> Exchange:
    ex = before or request(None, path, query=query, headers={"x-a": "1", "x-b": "2"})  # type: ignore[arg-type]
    ProxyRewrite(ProxyRewriteConfig(**config), Place("routes", "1"), plain_services()).request(ex)
    return ex


@pytest.mark.parametrize(
    ("uri", "query", "expected"),
    [
        ("/new", "", "/new"),
        ("/new", "x=1", "/new?x=1"),
        ("/new?y=2", "", "/new?y=2"),
        ("/new?y=2", "x=1", "/new?y=2&x=1"),
        ("/$arg_name/end", "name=a%20b%3F", "/a%20b?/end&name=a%20b%3F"),
        ("/é%", "", "/%C3%A9%25"),
        ("/u$uri", "", "/u/a/b"),
    ],
)
def test_the_path_is_replaced_and_the_query_kept(uri: str, query: str, expected: str) -> None:
    assert rewritten(query=query, uri=uri).upstream_path == expected


def test_patterns_are_tried_in_order_and_fill_in_captures() -> None:
    pairs = ["^/x/(.*)", "/never", "^/a/(.*)", "/y/$1-${1}", "^/a/b", "/later"]
    ex = rewritten("/a/b c", "q=1", regex_uri=pairs, headers={"set": {"x-what": "$1 of $remote_addr"}})
    assert ex.upstream_path == "/y/b%20c-b%20c?q=1"
    assert ex.upstream_headers == [("x-what", "b c of 127.0.0.1")]
    assert rewritten("/other", regex_uri=pairs).upstream_path is None
    assert rewritten("/a/z", uri="/u", regex_uri=pairs).upstream_path == "/u"


def test_only_the_part_that_matched_is_replaced() -> None:
    assert rewritten("/v1/old/x", regex_uri=["/old", "/new"]).upstream_path == "/v1/new/x"


def test_what_was_hidden_from_the_query_before_stays_hidden() -> None:
    ex = request(None, "/a", query="apikey=k&x=1")  # type: ignore[arg-type]
    ex.upstream_path = "/a?x=1"
    assert rewritten(before=ex, uri="/new").upstream_path == "/new?x=1"


def test_method_and_host_are_replaced() -> None:
    ex = rewritten(method="PUT", host="b.com:81")
    assert (ex.upstream_method, ex.upstream_host, ex.upstream_path) == ("PUT", "b.com:81", None)


def test_headers_are_added_removed_and_set_in_this_order() -> None:
    ex = rewritten(headers={"set": {"X-C": 3, "x-b": ""}, "remove": ["X-A"], "add": {"X-A": "9", "x-n": "n"}})
    assert ex.upstream_headers == [("x-a", "1, 9"), ("x-n", "n"), ("x-a", None), ("x-c", "3"), ("x-b", None)]


def test_headers_as_a_plain_map_are_set() -> None:
    assert rewritten(headers={"x-a": "$http_x_b"}).upstream_headers == [("x-a", "2")]


def test_variables_cannot_break_a_header_in_two() -> None:
    ex = rewritten(query="v=a%0D%0Ax-evil:1", headers={"set": {"x-v": "$arg_v"}})
    assert ex.upstream_headers == [("x-v", "ax-evil:1")]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "at least one of"),
        ({"uri": "new"}, "uri"),
        ({"regex_uri": ["a"]}, "regex_uri"),
        ({"regex_uri": ["a", "b", "c"]}, "pairs"),
        ({"regex_uri": ["(", "b"]}, "not a regular expression"),
        ({"headers": {"set": {"Host": "x"}}}, "changed with host"),
        ({"headers": {"set": {"a b": "x"}}}, "not the name of a header"),
        ({"headers": {"set": {"a": "x\r\ny"}}}, "one line"),
        ({"headers": {}}, "must not be empty"),
        ({"method": "get"}, "method"),
        ({"host": "a b"}, "host"),
        ({"use_real_request_uri_unsafe": True}, "not sent on by this gateway"),
    ],
)
def test_wrong_configs_are_refused(config: dict[str, Any], words: str) -> None:
    assert words in str(check_plugin("proxy-rewrite", config, "x")[0])
