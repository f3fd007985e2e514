"""Recognising callers by tokens of their own, and by those of identity providers."""

from __future__ import annotations

import base64
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import ValidationError
from tollhouse.dataplane import registry
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.runtime.upstream.transport import LeanTransport
from tollhouse.proto.guessing import FREE_BY_ADDRESS

from tests.support.callers import NOW, ask, plugin, snapshot_of
from tests.support.identity_provider import IdentityProvider
from tests.support.services import plain_services

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC, ED = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
SECRET = "a-shared-secret-of-sixty-four-bytes-or-more, which is long enough for SHA512"


def pem(key: Any) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def of(name: str, **config: Any) -> dict[str, Any]:
    return {"plugins": {"jwt-auth": {"key": f"{name}-key", **config}}}


CALLERS = {
    "consumers/hs": of("hs", secret=SECRET),
    "consumers/b64": of("b64", secret=base64.b64encode(b"\xff" * 32).decode(), base64_secret=True),
    "consumers/rs": of("rs", algorithm="RS256", public_key=pem(RSA)),
    "consumers/es": of("es", algorithm="ES256", public_key=pem(EC)),
    "consumers/ed": of("ed", algorithm="EdDSA", public_key=pem(ED)),
    "consumers/late": of("late", secret=SECRET, lifetime_grace_period=60),
    "consumers/over": {},
    "credentials/over/c": {**of("over", secret=SECRET), "expires_at": NOW},
    "consumers/guest": {},
}


def token(signer: Any, algorithm: str, /, **claims: Any) -> str:
    return jwt.encode({"exp": NOW + 60, **claims}, signer, algorithm)


async def test_each_algorithm_lets_its_consumer_in_wherever_the_token_stands() -> None:
    """Header with and without Bearer, query, cookie; a second time without checking the signature again."""
    snapshot = await snapshot_of(CALLERS)
    one = plugin("jwt-auth")
    for name, key, algorithm in (
        ("hs", SECRET, "HS256"),
        ("b64", b"\xff" * 32, "HS256"),
        ("rs", RSA, "RS256"),
        ("es", EC, "ES256"),
        ("ed", ED, "EdDSA"),
    ):
        good = token(key, algorithm, key=f"{name}-key")
        for told in ({"authorization": f"Bearer {good}"}, {"authorization": good}, {"cookie": f"a=b; jwt={good}"}):
            assert (await ask(one, snapshot, told)).consumer_name == name
        assert (await ask(one, snapshot, query=f"jwt={good}")).consumer_name == name
    assert len(one._good) == 5  # type: ignore[attr-defined]
    named = plugin("jwt-auth", key_claim_name="who", hide_credentials=True)
    ex = await ask(named, snapshot, {"authorization": "Bearer " + token(SECRET, "HS256", who="hs-key")})
    assert ("authorization", None) in ex.upstream_headers


async def test_what_is_not_good_is_refused_and_nothing_is_remembered() -> None:
    """Wrong secret, another algorithm than the consumer's, none, times, unknown keys."""
    snapshot = await snapshot_of(CALLERS)
    for bad, why in (
        (token("another-secret-of-thirty-two-bytes-at-least", "HS256", key="hs-key"), "signature"),
        (token(SECRET, "HS512", key="hs-key"), "algorithm"),
        (token(RSA, "RS256", key="es-key"), "algorithm"),
        (token(None, "none", key="hs-key"), "algorithm"),
        (token(SECRET, "HS256", key="hs-key", exp=NOW), "expired"),
        (token(SECRET, "HS256", key="hs-key", nbf=NOW + 5), "not valid yet"),
        (token(SECRET, "HS256", key="nobody"), "Invalid user key"),
        (token(SECRET, "HS256", key="over-key"), "Invalid user key"),
        (token(SECRET, "HS256"), "missing user key"),
        ("no.token.at-all", "no JSON Web Token"),
    ):
        one = plugin("jwt-auth")
        with pytest.raises(ClientError) as caught:
            await ask(one, snapshot, {"authorization": f"Bearer {bad}"})
        assert (caught.value.status, why in caught.value.message) == (401, True), caught.value.message
        assert bad not in caught.value.message
        assert not one._good  # type: ignore[attr-defined]
    late = token(SECRET, "HS256", key="late-key", exp=NOW - 30)
    assert (await ask(plugin("jwt-auth"), snapshot, {"authorization": late})).consumer_name == "late"
    with pytest.raises(ClientError, match="Missing JWT"):
        await ask(plugin("jwt-auth"), snapshot)
    guest = plugin("jwt-auth", anonymous_consumer="guest")
    assert (await ask(guest, snapshot)).consumer_name == "guest"


async def test_a_revoked_or_changed_consumer_is_not_let_in_by_what_is_remembered() -> None:
    """The token's signature is known to be good; whose it is, is looked up each time."""
    one, good = plugin("jwt-auth"), {"authorization": token(SECRET, "HS256", key="hs-key")}
    assert (await ask(one, await snapshot_of(CALLERS), good)).consumer_name == "hs"
    for objects in ({"consumers/hs": {}}, {"consumers/hs": of("hs", secret="another secret, after a rotation 123")}):
        with pytest.raises(ClientError):
            await ask(one, await snapshot_of(objects), good)


async def test_tokens_of_a_provider_let_in_the_consumers_that_name_it() -> None:
    """By its key set over HTTP, once; not a consumer's own key of the same name, not another issuer, not unsigned."""
    provider = IdentityProvider()
    await provider.start()
    services = plain_services()
    services.transport = LeanTransport()
    issuer = provider.issuer
    snapshot = await snapshot_of(
        {"consumers/ann": of("ann", issuer=issuer), "consumers/own": of("own", secret=SECRET)}, services
    )
    settings = [{"issuer": issuer, "audience": ["tollhouse"], "algorithms": ["RS256", "ES256"]}]
    one = plugin("jwt-auth", services, issuers=settings)
    claims = {"aud": "tollhouse", "sub": "ann-key", "exp": NOW + 60}
    good = {"authorization": "Bearer " + provider.token(claims)}
    assert (await ask(one, snapshot, good)).consumer_name == "ann"
    assert (await ask(one, snapshot, good)).consumer_name == "ann"
    assert (await ask(one, snapshot, {"authorization": token(SECRET, "HS256", key="own-key")})).consumer_name == "own"
    provider.add_key("new", "ES256")
    services.clock.now += 11  # type: ignore[attr-defined]
    assert (await ask(one, snapshot, {"authorization": provider.token(claims, "new")})).consumer_name == "ann"
    assert provider.fetches == 2
    for bad, why in (
        (provider.token({**claims, "sub": "own-key"}), "Invalid user key"),
        (provider.token({**claims, "aud": "others"}), "audience"),
        (provider.token({**claims, "exp": NOW}), "expired"),
        (provider.token({**claims, "iss": "https://another.example"}), "missing user key"),
        (token(SECRET, "HS256", key="ann-key"), "Invalid user key"),
        (token(SECRET, "HS256", iss=issuer, sub="ann-key", aud="tollhouse"), "algorithm"),
    ):
        with pytest.raises(ClientError, match=why):
            await ask(one, snapshot, {"authorization": bad})
    await provider.close()
    deaf = plugin("jwt-auth", services, issuers=settings)
    with pytest.raises(ClientError) as caught:
        await ask(deaf, snapshot, good)
    assert (caught.value.status, caught.value.code) == (503, "identity_provider_unavailable")
    assert (await ask(one, snapshot, {"authorization": provider.token({**claims, "jti": "2"})})).consumer_name == "ann"
    await services.transport.close()


async def test_guessing_is_slowed_down_and_good_tokens_pass() -> None:
    """429 with Retry-After for further guesses from the address."""
    snapshot, services = await snapshot_of(CALLERS), plain_services()
    one = plugin("jwt-auth", services)
    answers = []
    for number in range(FREE_BY_ADDRESS + 2):
        with pytest.raises(ClientError) as caught:
            await ask(
                one,
                snapshot,
                {"authorization": token(f"guess-{number}-of-thirty-two-bytes-or-more", "HS256", key="hs-key")},
            )
        answers.append(caught.value.status)
    assert answers == [401] * (FREE_BY_ADDRESS + 1) + [429]
    assert caught.value.retry_after_s == 1.0
    good = {"authorization": token(SECRET, "HS256", key="hs-key")}
    assert (await ask(one, snapshot, good)).consumer_name == "hs"


def test_configs_that_cannot_work_are_refused() -> None:
    """With a sentence that says what to do."""
    for config, why in (
        ({"key": "x"}, "needs a secret"),
        ({"key": "x", "algorithm": "RS256"}, "needs a public_key"),
        ({"key": "x", "algorithm": "RS256", "public_key": "nonsense"}, "in PEM"),
        ({"key": "x", "issuer": "https://idp", "secret": "y"}, "issuer's keys are used"),
    ):
        with pytest.raises(ValidationError, match=why):
            registry.load_plugin_config("jwt-auth", config, as_consumer=True)
    with pytest.raises(ValidationError, match="public keys"):
        plugin("jwt-auth", issuers=[{"issuer": "https://i", "audience": "a", "algorithms": ["HS256"]}])
    with pytest.raises(ValidationError):
        plugin("jwt-auth", store_in_ctx=True)


async def test_header_realm_and_claims_about_time_are_the_operators_choice() -> None:
    """A token in another header; no look at claims that are not to be verified; the realm in the refusal."""
    snapshot = await snapshot_of(CALLERS)
    late = token(SECRET, "HS256", key="hs-key", exp=NOW - 5, nbf=NOW + 500)
    one = plugin("jwt-auth", header="x-agent-token", realm="agents", claims_to_verify=[])
    assert (await ask(one, snapshot, {"x-agent-token": late})).consumer_name == "hs"
    for config in ({}, {"claims_to_verify": ["nbf"]}, {"claims_to_verify": ["exp"]}):
        with pytest.raises(ClientError):
            await ask(plugin("jwt-auth", **config), snapshot, {"authorization": f"Bearer {late}"})
    with pytest.raises(ClientError) as refused:
        await ask(one, snapshot, {"authorization": f"Bearer {token(SECRET, 'HS256', key='hs-key')}"})
    assert refused.value.headers["www-authenticate"] == 'Bearer realm="agents"'
