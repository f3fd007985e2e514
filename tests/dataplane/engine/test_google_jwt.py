"""The statement a service account signs, checked with its public key."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tollhouse.dataplane.engine.google_jwt import SCOPE, assertion, read_account

PRIVATE = rsa.generate_private_key(65537, 2048)
PEM = PRIVATE.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
ACCOUNT = {
    "type": "service_account",
    "client_email": "agent@project.iam.gserviceaccount.com",
    "private_key_id": "k1",
    "private_key": PEM,
    "token_uri": "https://oauth2.googleapis.com/token",
}


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_statement_says_who_for_what_and_how_long_and_is_signed() -> None:
    head, claims, signature = assertion(read_account(json.dumps(ACCOUNT)), 1000.7).split(".")
    assert json.loads(decode(head)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert json.loads(decode(claims)) == {
        "iss": ACCOUNT["client_email"],
        "scope": SCOPE,
        "aud": ACCOUNT["token_uri"],
        "iat": 1000,
        "exp": 4600,
    }
    PRIVATE.public_key().verify(decode(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("text", ["", "[]", '{"type": "authorized_user"}', json.dumps({**ACCOUNT, "client_email": ""})])
def test_what_is_no_key_file_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match="service account") as caught:
        read_account(text)
    assert "BEGIN" not in str(caught.value)


def test_a_key_that_is_none_is_refused_without_showing_it() -> None:
    account = read_account(json.dumps({**ACCOUNT, "private_key": "secret words"}))
    with pytest.raises(ValueError, match="not a PEM key") as caught:
        assertion(account, 0)
    assert "secret words" not in str(caught.value)
