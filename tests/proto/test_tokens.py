"""Tokens are believed only when signed by the right key, with an algorithm the caller named, in their time."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm
from tollhouse.proto import tokens
from tollhouse.proto.tokens import ASYMMETRIC, KeySet, TokenError

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED = ed25519.Ed25519PrivateKey.generate()
PUBLIC = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_a_key_set_gives_the_key_that_is_named() -> None:
    """Keys for encryption, shared secrets and garbage in the set are not looked at."""
    good = {**json.loads(RSAAlgorithm.to_jwk(RSA.public_key())), "kid": "a", "use": "sig"}
    other = {**json.loads(OKPAlgorithm.to_jwk(ED.public_key())), "kid": "b"}
    bad = [{"kty": "oct", "k": "c2VjcmV0", "kid": "c"}, {**good, "use": "enc", "kid": "d"}, {"kty": "RSA"}, 7]
    keys = KeySet.read({"keys": [good, other, *bad]})
    assert [name in keys for name in "abcd"] == [True, True, False, False]
    for key, algorithm, kid in ((RSA, "RS256", "a"), (RSA, "PS256", "a"), (ED, "EdDSA", "b"), (RSA, "RS256", "")):
        token = jwt.encode({"sub": "x"}, key, algorithm, headers={"kid": kid} if kid else None)
        assert keys.verify(token, tokens.read_head(token), ASYMMETRIC) == {"sub": "x"}
    with pytest.raises(TokenError, match="no key"):
        KeySet.read({"keys": bad})


@pytest.mark.parametrize("kid", ["a", ""])
def test_a_public_key_is_no_shared_secret(kid: str) -> None:
    """The token that asks for HS256 with the public key, and the one that asks for no signature at all."""
    keys = KeySet.read({"keys": [{**json.loads(RSAAlgorithm.to_jwk(RSA.public_key())), "kid": "a"}]})
    head = jwt.utils.base64url_encode(json.dumps({"alg": "HS256", "kid": kid}).encode()).decode()
    body = jwt.utils.base64url_encode(b'{"sub":"x"}').decode()
    signature = hmac.new(PUBLIC, f"{head}.{body}".encode(), hashlib.sha256).digest()
    forged = f"{head}.{body}.{jwt.utils.base64url_encode(signature).decode()}"
    unsigned = jwt.encode({"sub": "x"}, None, "none")
    for token in (forged, unsigned):
        with pytest.raises(TokenError):
            keys.verify(token, tokens.read_head(token), ASYMMETRIC)
        with pytest.raises(TokenError):
            tokens.verify(token, RSA.public_key(), ("RS256",))


def test_times_and_audiences() -> None:
    """What is missing, wrong or over; texts and lists of audiences."""
    tokens.check_times({"exp": 101, "nbf": 100}, 100)
    for claims, why in (
        ({}, "has no exp"),
        ({"exp": 100}, "expired"),
        ({"exp": True}, "no time"),
        ({"exp": "200"}, "no time"),
        ({"exp": 200, "nbf": 101}, "not valid yet"),
    ):
        with pytest.raises(TokenError, match=why):
            tokens.check_times(claims, 100)
    tokens.check_times({"exp": 95}, 100, leeway_s=10)
    assert tokens.audiences({"aud": "a"}) == {"a"}
    assert tokens.audiences({"aud": ["a", 1, "b"]}) == {"a", "b"}
    assert tokens.audiences({"aud": 7}) == frozenset()
    for read in (tokens.read_head, tokens.unverified_claims):
        with pytest.raises(TokenError, match="too long"):
            read("x" * 20000)


def test_deeply_nested_tokens_are_no_tokens() -> None:
    """What would go too deep for the parser is refused like anything else that is broken."""
    deep = jwt.utils.base64url_encode(b"[" * 6000).decode()
    head = jwt.utils.base64url_encode(b'{"alg":"HS256"}').decode()
    with pytest.raises(TokenError):
        tokens.read_head(f"{deep}.{deep}.x")
    with pytest.raises(TokenError):
        tokens.unverified_claims(f"{head}.{deep}.x")


@given(st.one_of(st.text(), st.lists(st.binary(max_size=60), min_size=1, max_size=4)))
def test_whatever_is_presented_is_a_token_or_a_token_error(told: str | list[bytes]) -> None:
    """Any text, and anything in base64 between dots."""
    token = told if isinstance(told, str) else ".".join(jwt.utils.base64url_encode(one).decode() for one in told)
    for read in (tokens.read_head, tokens.unverified_claims, lambda text: tokens.verify(text, b"k" * 32, ("HS256",))):
        with contextlib.suppress(TokenError):
            read(token)
