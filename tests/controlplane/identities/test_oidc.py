"""Bearer tokens on REST and gRPC, and signing in to the console, at a provider that speaks the true protocol."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import grpc.aio
import pytest
from tollhouse.controlplane.app import ControlPlane
from tollhouse.controlplane.identities import oidc
from tollhouse.controlplane.identities.oidc import OidcSettings
from tollhouse.proto.admin.v1 import config_pb2 as pb

from tests.controlplane.plane import ROUTE, Plane
from tests.support.etcd_server import EtcdServer
from tests.support.identity_provider import IdentityProvider


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    one = IdentityProvider()
    one.client_secret = "secret-of-the-client"
    await one.start()
    yield one
    await one.close()


@pytest.fixture
async def plane(shared_etcd: EtcdServer, provider: IdentityProvider) -> AsyncIterator[Plane]:
    one = Plane(shared_etcd.endpoint)
    settings = OidcSettings(
        provider.issuer,
        "tollhouse",
        {"gateway-admins": "admin", "lookers": "viewer"},
        client_id="console",
        client_secret=provider.client_secret,
    )
    one.control = ControlPlane(replace(one.settings, oidc=settings))
    await one.start()
    yield one
    await one.close()


def bearer(provider: IdentityProvider, key_id: str = "rsa-1", **claims: Any) -> dict[str, str]:
    told = {"aud": "tollhouse", "sub": "42", "email": "ann@example.com", "roles": ["gateway-admins"], **claims}
    return {"Authorization": f"Bearer {provider.token(told, key_id)}"}


async def test_tokens_let_in_as_the_role_they_name(plane: Plane, provider: IdentityProvider) -> None:
    """By REST and gRPC, written down under the person's name; a key published later is fetched once."""
    assert (await plane.call("PUT", "routes/r", ROUTE, key=None, **bearer(provider))).status == 201
    written = (await plane.call("GET", "history")).body["list"][0]
    assert (written["author"], written["role"]) == ("ann@example.com", "admin")
    looker = bearer(provider, roles=["lookers"])
    assert (await plane.call("GET", "routes", key=None, **looker)).status == 200
    assert (await plane.call("PUT", "routes/r", ROUTE, key=None, **looker)).status == 401  # APISIX's viewer
    put = pb.PutRequest(kind="routes", id="r", value_json=b"{}")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await plane.config.Put(put, metadata=(("authorization", looker["Authorization"]),))
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert (await plane.call("GET", "routes", key=None, **bearer(provider, roles=["others"]))).status == 403
    provider.add_key("ec-2", "ES256")
    plane.control._oidc._tried = 0  # type: ignore[union-attr]  # as if a while had passed
    assert (await plane.call("GET", "routes", key=None, **bearer(provider, "ec-2"))).status == 200
    assert provider.fetches == 2
    provider.down = True
    plane.control._oidc._fetched = plane.control._oidc._tried = 0  # type: ignore[union-attr]
    assert (await plane.call("GET", "routes", key=None, **bearer(provider))).status == 200  # what is known stays good


async def test_tokens_that_are_not_good_are_refused(plane: Plane, provider: IdentityProvider) -> None:
    """Expired, early, for others, of others, unsigned, signed with the public key as a secret."""
    now = int(time.time())
    stranger = IdentityProvider()
    stranger.issuer = provider.issuer
    stranger.add_key("rsa-1", "RS256")
    forged = bearer(provider)["Authorization"].rpartition(".")[0] + "."
    for headers, why in (
        (bearer(provider, exp=now - 60), "expired"),
        (bearer(provider, nbf=now + 600), "not valid yet"),
        (bearer(provider, aud="another"), "audience"),
        (bearer(provider, iss="https://another.example"), "issuer"),
        (bearer(stranger), "signature"),
        ({"Authorization": forged}, "signature"),
        ({"Authorization": "Bearer x.y.z"}, "no JSON Web Token"),
    ):
        answer = await plane.call("GET", "routes", key=None, **headers)
        assert answer.status == 401
        assert why in answer.body["description"], answer.text


async def test_signing_in_to_the_console(plane: Plane, provider: IdentityProvider) -> None:
    """There and back with PKCE, state and nonce; the session has the role; nobody can smuggle in a code of theirs."""
    assert (await plane.call("GET", "/ui/oidc", key=None)).body == {"offered": True, "issuer": provider.issuer}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.get(f"{plane.url}/ui/oidc/start", allow_redirects=False) as started:
            there = started.headers["Location"]
            assert "code_challenge_method=S256" in there
        async with browser.get(there, allow_redirects=False) as signed_in:
            back = signed_in.headers["Location"]
        async with browser.get(back, allow_redirects=False) as returned:
            assert (returned.status, returned.headers["Location"]) == (303, "/ui/")
            assert all("HttpOnly" in one for one in returned.headers.getall("Set-Cookie"))
        async with browser.get(f"{plane.url}/ui/api/session") as answer:
            session = await answer.json()
            assert (session["name"], session["role"]) == ("ann@example.com", "admin")
        async with browser.get(back, allow_redirects=False) as again:
            assert "#error=" in again.headers["Location"]
    async with aiohttp.ClientSession() as victim, victim.get(back, allow_redirects=False) as answer:
        assert "begin%20again" in answer.headers["Location"]
        assert "tollhouse_session" not in str(answer.headers)


async def test_without_a_provider_nothing_is_offered(shared_etcd: EtcdServer) -> None:
    """The page is told, and the addresses say so."""
    plane = Plane(shared_etcd.endpoint)
    await plane.start()
    assert (await plane.call("GET", "/ui/oidc", key=None)).body == {"offered": False}
    assert (await plane.call("GET", "routes", key=None, Authorization="Bearer x")).body[
        "description"
    ] == "missing apikey"
    await plane.close()


def test_roles_are_read_from_the_flag() -> None:
    """Values may hold = and dots."""
    assert oidc.read_roles("a=admin, team=x=viewer") == {"a": "admin", "team=x": "viewer"}
    with pytest.raises(ValueError, match="approver"):
        oidc.read_roles("a=root")
