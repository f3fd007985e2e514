"""A service account's statement, held against google-auth: the same claims, the same signature over the same text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from unittest.mock import patch

from google.auth import _helpers, crypt, jwt
from google.oauth2 import service_account
from tollhouse.dataplane.engine.google_jwt import SCOPE, assertion, read_account

from tests.dataplane.engine.test_google_jwt import ACCOUNT, PRIVATE, decode

NOW = 1_764_046_800


def theirs() -> str:
    """What google-auth sends to the token server at that time."""
    credentials = service_account.Credentials.from_service_account_info(ACCOUNT, scopes=[SCOPE])
    with patch.object(_helpers, "utcnow", lambda: datetime.fromtimestamp(NOW, UTC).replace(tzinfo=None)):
        told = credentials._make_authorization_grant_assertion()
    return told.decode() if isinstance(told, bytes) else told


def test_it_claims_what_google_auth_claims() -> None:
    head, claims, _ = assertion(read_account(json.dumps(ACCOUNT)), NOW).split(".")
    their_head, their_claims, _ = theirs().split(".")
    assert json.loads(decode(head)) == json.loads(decode(their_head))
    assert json.loads(decode(claims)) == json.loads(decode(their_claims))


def test_the_signature_is_the_one_google_auths_signer_makes() -> None:
    head, claims, signature = assertion(read_account(json.dumps(ACCOUNT)), NOW).split(".")
    signer = crypt.RSASigner.from_service_account_info(ACCOUNT)
    assert decode(signature) == signer.sign(f"{head}.{claims}".encode())


def test_google_auth_takes_it_for_good() -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    told = assertion(read_account(json.dumps(ACCOUNT)), datetime.now(UTC).timestamp())
    assert jwt.decode(told, certs=public, audience=ACCOUNT["token_uri"])["scope"] == SCOPE
