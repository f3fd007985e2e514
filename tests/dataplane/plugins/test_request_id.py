"""Giving every request an id."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.request_id import RequestId, RequestIdConfig
from tollhouse.dataplane.registry import check_plugin
from tollhouse.dataplane.reply import Reply

from tests.support.services import plain_services, request


def through(headers: dict[str, str] | None = None, reply: Reply | None = None, **config: Any) -> tuple[Exchange, Reply]:
    plugin = RequestId(RequestIdConfig(**config), Place("routes", "1"), plain_services())
    ex = request(None, headers=headers)  # type: ignore[arg-type]
    reply = reply or Reply(200)
    plugin.request(ex)
    plugin.reply(ex, reply)
    return ex, reply


@pytest.mark.parametrize(
    ("algorithm", "form"),
    [
        ("uuid", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("uuidv7", r"018bcff4-aa40-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("nanoid", r"[A-Za-z0-9_-]{21}"),
        ("ksuid", r"[A-Za-z0-9]{27}"),
        ("range_id", r"[a-zA-Z0-9]{16}"),
    ],
)
def test_ids_have_the_form_of_their_algorithm_and_differ(algorithm: str, form: str) -> None:
    made = {through(algorithm=algorithm)[1].header("x-request-id") or "" for _ in range(50)}
    assert len(made) == 50
    for one in made:
        assert re.fullmatch(form, one), one


def test_the_upstream_and_the_client_get_the_same_id() -> None:
    ex, reply = through()
    assert ex.upstream_headers == [("x-request-id", reply.header("x-request-id"))]


def test_a_clients_own_id_is_kept() -> None:
    ex, reply = through({"X-Trace": "abc"}, header_name="X-Trace")
    assert ex.upstream_headers == []
    assert reply.header("x-trace") == "abc"


def test_the_client_gets_none_when_not_wanted_and_the_upstreams_own_when_it_set_one() -> None:
    assert through(include_in_response=False)[1].header("x-request-id") is None
    assert through(reply=Reply(200, [("x-request-id", "theirs")]))[1].headers == [("x-request-id", "theirs")]


def test_range_ids_use_the_characters_asked_for() -> None:
    made = through(algorithm="range_id", range_id={"length": 8, "char_set": "abcdef"})[1].header("x-request-id")
    assert re.fullmatch(r"[a-f]{8}", made or "")
    assert check_plugin("request-id", {"range_id": {"length": 3}}, "x")
    assert check_plugin("request-id", {"header_name": "a b"}, "x")
    assert check_plugin("request-id", {"range_id": {"char_set": "a\r\nabcdef"}}, "x")
