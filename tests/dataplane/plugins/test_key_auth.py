"""Recognising callers by their key."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.config.snapshot import Snapshot
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.gateway import Gateway
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.key_auth import KeyAuth, KeyAuthConfig
from tollhouse.proto.sealing import digest

from tests.support.services import plain_services, request

OBJECTS: dict[tuple[str, str], dict[str, Any]] = {
    ("consumers", "bob"): {
        "username": "bob",
        "labels": {"custom_id": "B-1"},
        "plugins": {"key-auth": {"key": digest("sk-bob")}},
    },
    ("consumers", "guest"): {"username": "guest"},
    ("credentials", "guest/c1"): {"plugins": {"key-auth": {"key": digest("sk-guest")}}},
}


@pytest.fixture
async def snapshot() -> Snapshot:
    puts = [RawObject(kind, id, json.dumps(value).encode(), 1, 1) for (kind, id), value in OBJECTS.items()]
    return await Gateway(plain_services()).load(Batch(1, True, tuple(puts)))


def identify(snapshot: Snapshot, headers: dict[str, str] | None = None, query: str = "", **config: Any) -> Exchange:
    ex = request(snapshot, "/a b", query=query, headers=headers)
    KeyAuth(KeyAuthConfig(**config), Place("routes", "1"), plain_services()).request(ex)
    return ex


@pytest.mark.parametrize(
    "headers",
    [
        {"apikey": "sk-bob"},
        {"Authorization": "Bearer sk-bob"},
        {"authorization": "bearer  sk-bob "},
        {"x-api-key": "sk-bob"},
        {"api-key": "sk-bob"},
        {"X-Goog-Api-Key": "sk-bob"},
    ],
)
async def test_the_key_is_found_wherever_clients_put_it(snapshot: Snapshot, headers: dict[str, str]) -> None:
    ex = identify(snapshot, headers)
    assert ex.consumer_name == "bob"
    assert ex.consumer is snapshot.consumers.by_name("bob")
    assert ex.credential_id == ""


async def test_the_configured_places_go_first(snapshot: Snapshot) -> None:
    given = {"x-key": "sk-guest", "authorization": "Bearer sk-bob"}
    assert identify(snapshot, given, header="X-Key").consumer_name == "guest"
    assert identify(snapshot, {"authorization": "Bearer sk-bob"}, "k=sk-guest").consumer_name == "bob"


async def test_the_query_goes_before_the_sdk_headers(snapshot: Snapshot) -> None:
    assert identify(snapshot, {"authorization": "Bearer sk-bob"}, "apikey=sk-guest").consumer_name == "guest"
    assert identify(snapshot, {"authorization": "Bearer sk-bob"}, header="authorization").consumer_name == "bob"


async def test_upstreams_are_told_who_calls_and_cannot_be_lied_to(snapshot: Snapshot) -> None:
    assert identify(snapshot, {"apikey": "sk-bob"}).upstream_headers == [
        ("x-consumer-username", "bob"),
        ("x-credential-identifier", None),
        ("x-consumer-custom-id", "B-1"),
    ]
    assert identify(snapshot, {"apikey": "sk-guest"}).upstream_headers == [
        ("x-consumer-username", "guest"),
        ("x-credential-identifier", "c1"),
        ("x-consumer-custom-id", None),
    ]


async def test_providers_of_models_are_not_told_who_calls(snapshot: Snapshot) -> None:
    ex = request(snapshot, headers={"apikey": "sk-bob"})
    ex.pipeline = SimpleNamespace(ai=True)  # type: ignore[assignment]
    KeyAuth(KeyAuthConfig(), Place("routes", "1"), plain_services()).request(ex)
    assert (ex.consumer_name, ex.upstream_headers) == ("bob", [])


@pytest.mark.parametrize(
    ("headers", "message", "code"),
    [
        ({}, "Missing API key in request", "missing_api_key"),
        ({"authorization": "Basic Ym9i"}, "Missing API key in request", "missing_api_key"),
        ({"apikey": "sk-nobody"}, "Invalid API key in request", "invalid_api_key"),
        ({"apikey": digest("sk-bob")}, "Invalid API key in request", "invalid_api_key"),
    ],
)
async def test_others_get_401_in_apisix_words(
    snapshot: Snapshot, headers: dict[str, str], message: str, code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        identify(snapshot, headers, realm="agents")
    error = caught.value
    assert (error.status, error.code, error.apisix_body) == (401, code, {"message": message})
    assert error.headers == {"www-authenticate": 'apikey realm="agents"'}
    assert "sk-" not in error.message


async def test_credentials_are_hidden_on_request(snapshot: Snapshot) -> None:
    ex = identify(snapshot, {"x-api-key": "sk-bob"}, hide_credentials=True)
    assert ("x-api-key", None) in ex.upstream_headers
    ex = identify(snapshot, query="x=1&apikey=sk-bob&y=a%20b", hide_credentials=True)
    assert ex.upstream_path == "/a%20b?x=1&y=a+b"
    assert identify(snapshot, query="apikey=sk-bob", hide_credentials=True).upstream_path == "/a%20b"
    assert identify(snapshot, query="apikey=sk-bob").upstream_path is None


async def test_the_anonymous_consumer_stands_in(snapshot: Snapshot) -> None:
    assert identify(snapshot, anonymous_consumer="guest").consumer_name == "guest"
    assert identify(snapshot, {"apikey": "wrong"}, anonymous_consumer="guest").credential_id == ""
    assert identify(snapshot, {"apikey": "sk-bob"}, anonymous_consumer="guest").consumer_name == "bob"
    with pytest.raises(ClientError, match="Invalid user authorization"):
        identify(snapshot, anonymous_consumer="nobody")
